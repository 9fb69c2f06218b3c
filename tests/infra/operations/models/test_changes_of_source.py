"""A running stack whose model comes from elsewhere: no source leaves a change or a token behind."""

from pathlib import Path
from typing import Any

import pytest

from infra.errors import GateliftError
from infra.operations.connect import connect
from infra.operations.rollback import rollback
from tests.infra.operations.conftest import Phases


def test_no_source_leaves_a_change_behind(bench: Any, folder: Path, adapter: Path, actions: Any, deployed: Any) -> None:
    lora = {"name": "hub", "id": "org/lora"}
    steps: list[tuple[dict[str, Any], bool]] = [
        ({"id": "org/whole"}, True),
        ({"id": "org/whole", "mirror": True}, False),
        ({"id": "org/whole"}, True),
        ({"id": None, "path": str(folder)}, False),
        ({"id": "org/whole", "mirror": True, "adapters": [lora, {"name": "a", "path": str(adapter)}]}, False),
        ({"id": "org/plain", "adapters": [lora]}, False),
    ]
    for model, with_token in steps:
        spec = bench.spec("sources", model=model)
        bench.up(spec)
        assert actions(bench.plan(spec)) == {}, model
        assert ("HF_TOKEN" in deployed(spec).told) is with_token
        info = connect(spec, bench.target(spec)).to_json()
        assert info["model"] == spec.model.name
        assert info.get("adapters", []) == sorted(each.name for each in spec.model.adapters)


def test_a_rollback_leads_to_the_model_that_was_served(bench: Any, folder: Path) -> None:
    bench.up(bench.spec("turned", model={"id": "org/whole"}, deployment={"name": "blue"}))
    spec = bench.spec("turned", model={"id": None, "path": str(folder)}, deployment={"name": "green"})
    bench.up(spec)
    assert connect(spec, bench.target(spec)).model == "tuned"
    assert rollback(spec, bench.target(spec), reporter=Phases())["traffic"] == {"blue": 100}
    assert connect(spec, bench.target(spec)).model == "org/whole"


def test_a_folder_that_changed_since_the_saved_plan_is_not_deployed(bench: Any, folder: Path) -> None:
    spec = bench.spec("saved", model={"id": None, "path": str(folder)})
    plan = bench.plan(spec, None)
    (folder / "config.json").write_text('{"changed": 1}')
    with pytest.raises(GateliftError, match=r"changed since the plan was made: .*weights tuned-weights:"):
        bench.up(spec, None, plan=plan)
    assert bench.target(spec).arm.list(f"{bench.target(spec).cloud.workspace.id}/models") == []
