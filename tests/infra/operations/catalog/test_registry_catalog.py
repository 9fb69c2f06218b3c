"""The catalog of an Azure ML registry: what `catalog.registry` in the spec does, seen through the real SDK, too."""

from typing import Any

import pytest

from infra.azure.target import open_target
from infra.errors import NotFound, Refused
from infra.operations.catalog import catalog_hide, catalog_list, catalog_publish, catalog_show
from infra.operations.status import status
from infra.resources.catalog_home import check_home
from tests.infra.operations.catalog.sdk import models_of

UNTIL = "2126-01-16T00:00:00.000Z"
CATALOG = {"registry": "shelf", "invisible_until": UNTIL}


def names(spec: Any, target: Any, *, hidden: bool = False, as_of: str | None = None) -> list[str]:
    return [entry["name"] for entry in catalog_list(spec, target, include_hidden=hidden, as_of=as_of)]


def test_an_entry_is_published_hidden_and_revealed_in_a_registry(bench: Any) -> None:
    spec = bench.spec("registry", catalog={**CATALOG, "name": "in-registry"})
    target = bench.target(spec)
    with pytest.raises(NotFound, match="catalog of the registry shelf"):
        catalog_show(spec, target)
    entry = catalog_publish(spec, target)
    assert (entry["catalog"], entry["visible"], entry["owner"]) == ("registry shelf", False, "registry")
    assert entry["card"].startswith(f"> **Invisible** org/gated is not visible in the catalog until {UNTIL}")
    seen = models_of(target, registry_name="shelf").get("in-registry", version=entry["model_version"])
    assert (seen.tags["invisibleUntil"], seen.tags["modelId"]) == (UNTIL, "org/gated")

    assert "in-registry" not in names(spec, target)
    assert "in-registry" in names(spec, target, as_of=UNTIL)
    assert catalog_hide(spec, target, None)["visible"]
    assert "in-registry" in names(spec, target)
    assert (
        "invisibleUntil"
        not in models_of(target, registry_name="shelf").get("in-registry", version=entry["model_version"]).tags
    )
    assert catalog_publish(spec, target)["invisible_until"] == UNTIL
    in_the_workspace = bench.spec("registry", catalog={"name": "in-registry"})
    assert names(in_the_workspace, target, hidden=True) == []


def test_the_emulator_has_the_specs_registry_before_up(bench: Any) -> None:
    bench.target(bench.spec("early"))  # which makes the workspace
    spec = bench.spec("early", catalog={"registry": "early-shelf"})
    target = open_target(spec, local=True, environ=bench.environ)
    assert names(spec, target, hidden=True) == []
    assert catalog_publish(spec, target)["catalog"] == "registry early-shelf"


def test_up_publishes_and_down_removes(bench: Any) -> None:
    spec = bench.spec("published", catalog={**CATALOG, "name": "by-up"})
    plan = bench.plan(spec)
    assert "Azure's own catalog heeds" in next(change.reason for change in plan.changes if change.kind == "model")
    bench.up(spec)
    assert not bench.plan(spec, token=None).has_changes
    target = bench.target(spec)
    assert "by-up" in [entry["name"] for entry in status(spec, target)["catalog"]]
    assert bench.down(spec)["model"] == "delete"
    assert "by-up" not in names(spec, target, hidden=True)


def test_a_stack_of_the_same_name_in_another_workspace_is_another(bench: Any) -> None:
    """Entries of a registry come from many workspaces, which choose their stacks' names by themselves."""
    ours = bench.spec("twin", catalog={**CATALOG, "name": "twins"})
    theirs = bench.spec("twin", catalog={**CATALOG, "name": "twins"}, workspace={"name": "ws-elsewhere"})
    catalog_publish(theirs, bench.target(theirs))
    with pytest.raises(Refused, match="belongs to the stack twin of group/ws-elsewhere"):
        catalog_publish(ours, bench.target(ours))
    assert "model" not in bench.down(ours)
    assert "twins" in names(ours, bench.target(ours), hidden=True)


def test_a_registry_by_its_id_must_exist(bench: Any) -> None:
    spec = bench.spec("nowhere", catalog=CATALOG)
    found = bench.target(spec).arm.list(
        f"/subscriptions/{spec.workspace.subscription_id}/providers/Microsoft.MachineLearningServices/registries"
    )
    [id] = [document["id"] for document in found if document["name"] == "shelf"]
    by_id = bench.spec("nowhere", catalog={"registry": id, "name": "by-id"})
    assert catalog_publish(by_id, bench.target(by_id))["catalog"] == "registry shelf"
    missing = bench.spec("nowhere", catalog={"registry": id.replace("shelf", "none"), "name": "by-id"})
    with pytest.raises(NotFound):
        catalog_publish(missing, bench.target(missing))
    said = check_home(bench.target(by_id).cloud, id)
    assert said == "the model's entry goes into the registry shelf"
    with pytest.raises(NotFound, match=r"no registry .*none"):
        check_home(bench.target(missing).cloud, id.replace("shelf", "none"))
