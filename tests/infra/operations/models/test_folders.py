"""Models in folders of this machine: uploaded once, mounted, kept by `down`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.errors import GateliftError, SpecError
from infra.operations.adopt import adopt
from infra.operations.catalog import catalog_list, catalog_show
from infra.operations.down import plan_down
from infra.operations.status import list_stacks, status
from infra.planning.plan import Change, Plan


def of_weights(plan: Plan) -> Change:
    return next(change for change in plan.changes if change.kind == "weights")


def test_a_folder_is_uploaded_once_and_mounted(
    bench: Any, folder: Path, deployed: Any, actions: Callable[[Plan], dict[str, str]]
) -> None:
    spec = bench.spec("folder", model={"id": None, "path": str(folder)})
    first = of_weights(bench.plan(spec, None))
    assert (first.action, first.reason) == ("create", "does not exist; 7.0 kB in 2 files read where they are")
    assert bench.up(spec, None).answer == "None with no token"
    found = deployed(spec)
    assert found.model == first.name
    assert found.told == {"SCORING_SERVED_MODEL_NAME": "tuned", "SCORING_ENGINE_ARGS": "{}"}
    again = bench.plan(spec, None)
    assert (actions(again), of_weights(again).reason) == ({}, "7.0 kB, there already")


def test_another_content_is_another_version(bench: Any, folder: Path, deployed: Any) -> None:
    spec = bench.spec("changed", model={"id": None, "path": str(folder)})
    bench.up(spec, None)
    before = deployed(spec).model
    (folder / "config.json").write_text('{"changed": true}')
    (folder / "notes.md").write_text("not served, so not uploaded")
    changed = {change.kind: change for change in bench.plan(spec, None).changes if change.action != "none"}
    assert (changed["weights"].action, changed["deployment"].action) == ("create", "update")
    assert changed["deployment"].fields == ["model"]
    bench.up(spec, None)
    assert deployed(spec).model != before


def test_the_catalog_entry_says_what_the_readme_says_and_weights_are_no_entry(bench: Any, folder: Path) -> None:
    spec = bench.spec("carded", model={"id": None, "path": str(folder)})
    bench.up(spec, None)
    target = bench.target(spec)
    shown = catalog_show(spec, target)
    assert (shown["name"], shown["model"], shown["tags"]["license"]) == ("tuned", "tuned", "mit")
    assert "huggingface.co" not in shown["card"]
    entries = catalog_list(spec, target, include_hidden=True, as_of=None)
    assert [entry["name"] for entry in entries] == ["tuned"]
    found = status(spec, target)
    assert [each["name"] for each in found["catalog"]] == ["tuned"]
    assert {"weights", "model"}.isdisjoint(each["kind"] for each in found["drift"])


def test_two_stacks_share_weights_and_down_keeps_them_until_told(bench: Any, folder: Path) -> None:
    one, two = (
        bench.spec(name, model={"id": None, "path": str(folder)}, workspace={"name": "ws-shared-weights"})
        for name in ("weights-a", "weights-b")
    )
    bench.up(one, None)
    assert of_weights(bench.plan(two, None)).reason == (
        "created by the stack weights-a: used as it is; 7.0 kB, there already"
    )
    bench.up(two, None)
    assert of_weights(plan_down(one, bench.target(one), weights=True)).reason == "kept: the stack weights-b uses it"
    bench.down(two)
    assert bench.down(one)["weights"] == "none"
    kept = of_weights(plan_down(one, bench.target(one)))
    assert kept.reason.startswith("kept: 7.0 kB; `gatelift down --weights` removes them")
    assert bench.down(one, weights=True) == {"weights": "delete"}
    assert list(folder.iterdir()) != []
    target = bench.target(one)
    assert target.arm.list(f"{target.cloud.workspace.id}/models/tuned-weights/versions") == []


def test_weights_whose_files_were_half_deleted_are_sent_anew(bench: Any, folder: Path) -> None:
    spec = bench.spec("half-gone", model={"id": None, "path": str(folder)})
    bench.up(spec, None)
    bench.down(spec)
    target = bench.target(spec)
    fault = {"method": "DELETE", "path": "/models/tuned-weights/", "status": 403}
    httpx.put(f"{target.portal}/faults", json=[fault]).raise_for_status()
    try:
        with pytest.raises(GateliftError):
            bench.down(spec, weights=True)
    finally:
        httpx.put(f"{target.portal}/faults", json=[]).raise_for_status()
    assert of_weights(bench.plan(spec, None)).action == "create"
    assert bench.up(spec, None).answer == "None with no token"
    assert of_weights(bench.plan(spec, None)).reason == "7.0 kB, there already"
    bench.down(spec)
    assert bench.down(spec, weights=True) == {"weights": "delete"}


def test_a_deployment_that_lost_its_tags_is_found_and_adopted(bench: Any, folder: Path) -> None:
    spec = bench.spec("lost-weights", model={"id": None, "path": str(folder)})
    bench.up(spec, None)
    target = bench.target(spec)
    id = target.cloud.workspace.deployment(spec.endpoint.name, "blue")
    target.arm.put(id, {**target.arm.get(id), "tags": {}})
    assert list_stacks(target)["untagged"] == [{"endpoint": spec.endpoint.name, "deployment": "blue", "instances": 1}]
    assert adopt(spec, target) == ["deployment blue"]
    assert list_stacks(target)["untagged"] == []


def test_other_commands_do_without_the_folder(bench: Any, folder: Path) -> None:
    spec = bench.spec("elsewhere", model={"id": None, "path": str(folder)})
    bench.up(spec, None)
    (folder / "config.json").unlink()
    found = status(spec, bench.target(spec))
    assert found["refused"].startswith(f"model.path: '{folder}' has no config.json")
    with pytest.raises(SpecError, match=r"has no config\.json"):
        bench.plan(spec, None)
    assert bench.down(spec)["deployment"] == "delete"
