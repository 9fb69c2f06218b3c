"""LoRA adapters beside a model: what the container is told, and what a change of the list changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import GateliftError
from infra.operations.connect import connect

BASE = {"id": "org/plain"}


def test_adapters_of_every_source_are_told_to_the_container(bench: Any, adapter: Path, deployed: Any) -> None:
    first = {"name": "hub", "id": "org/lora"}
    spec = bench.spec("adapted", model={**BASE, "adapters": [first]})
    bench.up(spec, None)
    (hub,) = deployed(spec).adapters
    assert (hub["name"], hub["model"], len(hub["revision"])) == ("hub", "org/lora", 40)
    more = bench.spec("adapted", model={**BASE, "adapters": [first, {"name": "sql", "path": str(adapter)}]})
    changed = {change.kind: change for change in bench.plan(more, None).changes if change.action != "none"}
    assert (changed["weights"].action, changed["deployment"].action) == ("create", "update")
    assert changed["deployment"].fields == ["environment_variables.SCORING_ADAPTERS"]
    assert "the adapter sql was made for org/whole, not for org/plain" in changed["deployment"].reason
    bench.up(more, None)
    assert connect(more, bench.target(more)).to_json()["adapters"] == ["hub", "sql"]
    _, sql = deployed(more).adapters
    assert sql["url"].startswith("https://")
    assert sql["url"].endswith("/model")
    asset, _, version = changed["weights"].name.partition(":")
    assert f"/gatelift/weights/{asset}/{version}/" in sql["url"]
    assert asset == "sql-weights"


def test_the_order_of_adapters_means_nothing(bench: Any, actions: Any) -> None:
    both = [{"name": "one", "id": "org/lora"}, {"name": "two", "id": "org/lora"}]
    bench.up(bench.spec("ordered", model={**BASE, "adapters": both}), None)
    turned = bench.spec("ordered", model={**BASE, "adapters": both[::-1]})
    assert actions(bench.plan(turned, None)) == {}
    renamed = bench.spec("ordered", model={**BASE, "adapters": [both[0], {**both[1], "name": "three"}]})
    assert actions(bench.plan(renamed, None))["deployment"] == "update"


def test_a_mirror_copies_adapters_too(bench: Any, deployed: Any) -> None:
    spec = bench.spec("all-mirrored", model={**BASE, "mirror": True, "adapters": [{"name": "x", "id": "org/lora"}]})
    names = [change.name.partition(":")[0] for change in bench.plan(spec).changes if change.kind == "weights"]
    assert names == ["org-plain-weights", "org-lora-weights"]
    bench.up(spec)
    assert list(deployed(spec).adapters[0]) == ["name", "url"]


@pytest.mark.parametrize(
    ("adapters", "words"),
    [
        pytest.param([{"name": "x", "id": "org/plain"}], "'org/plain' is no LoRA adapter", id="a-whole-model"),
        pytest.param([{"name": "x", "id": "org/nothing"}], "org/nothing is not on the Hub", id="not-there"),
        pytest.param([{"name": "x", "asset": "azureml:none:1"}], "there is no such model", id="no-asset"),
    ],
)
def test_what_is_no_adapter_is_refused_by_the_plan(bench: Any, adapters: list[dict[str, str]], words: str) -> None:
    with pytest.raises(GateliftError, match=words):
        bench.plan(bench.spec("no-adapter", model={**BASE, "adapters": adapters}), None)


def test_the_list_is_told_with_sorted_keys(bench: Any, deployed: Any) -> None:
    spec = bench.spec("sorted", model={**BASE, "adapters": [{"name": "hub", "id": "org/lora"}]})
    bench.up(spec, None)
    told = deployed(spec).told["SCORING_ADAPTERS"]
    assert told == json.dumps(json.loads(told), sort_keys=True)


def test_a_folder_is_not_said_to_be_another_model(bench: Any, folder: Path, adapter: Path) -> None:
    model = {"id": None, "path": str(folder), "adapters": [{"name": "sql", "path": str(adapter)}]}
    deployment = next(
        each for each in bench.plan(bench.spec("own", model=model), None).changes if each.kind == "deployment"
    )
    assert "was made for" not in deployment.reason
