"""Model assets that others made: mounted at a version, and neither changed nor deleted by gatelift."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.errors import GateliftError
from infra.operations.catalog import catalog_list, catalog_publish
from infra.planning.plan import Plan
from infra.resources.catalog_home import home_id
from infra.spec.model import CatalogSpec


@pytest.fixture
def registered(bench: Any, folder: Path) -> Callable[..., Any]:
    """A workspace with versions of a model asset, and a stack in it that serves `asset`."""

    def registered(name: str, asset: str, **properties: Any) -> Any:
        spec = bench.spec(name, model={"id": None, "asset": asset})
        target = bench.target(spec)
        uri = target.cloud.assets.upload_to_workspace([(each.name, each) for each in folder.iterdir()], "files")
        for version in ("3", "4"):
            id = target.cloud.workspace.asset("models", "tuned", version)
            target.arm.put(id, {"properties": {"modelUri": uri, "modelType": "custom_model", **properties}})
        return spec

    return registered


@pytest.mark.parametrize(
    ("asset", "version", "told"),
    [
        pytest.param("azureml:tuned:3", "3", "", id="version"),
        pytest.param("azureml:tuned@latest", "4", "azureml:tuned@latest is version 4; ", id="latest"),
    ],
)
def test_an_asset_is_mounted_as_it_is(
    bench: Any, registered: Any, deployed: Any, actions: Any, asset: str, version: str, told: str
) -> None:
    spec = registered(f"asset-{version}", asset)
    weights = next(change for change in bench.plan(spec, None).changes if change.kind == "weights")
    assert (weights.action, weights.name) == ("none", f"tuned:{version}")
    assert weights.reason.startswith(f"exists and was not created by gatelift: used as it is; {told}nobody has looked")
    bench.up(spec, None)
    assert (deployed(spec).model, deployed(spec).told["SCORING_SERVED_MODEL_NAME"]) == (f"tuned:{version}", "tuned")
    assert actions(bench.plan(spec, None)) == {}, "what was made is a later version"
    target = bench.target(spec)
    names = [each["name"] for each in catalog_list(spec, target, include_hidden=True, as_of=None)]
    assert "tuned-served" in names
    versions = target.arm.list(f"{target.cloud.workspace.id}/models/tuned/versions")
    assert sorted(each["name"] for each in versions) == ["3", "4"]
    before = target.arm.get(target.cloud.workspace.asset("models", "tuned", version))
    assert before["properties"].get("tags") in (None, {})
    bench.down(spec, weights=True)
    assert target.arm.get(target.cloud.workspace.asset("models", "tuned", version)) == before


def test_an_entry_that_was_given_the_asset_s_name_is_not_its_latest_version(bench: Any, registered: Any) -> None:
    spec = registered("asset-entry", "azureml:tuned@latest").but(catalog=CatalogSpec(name="tuned"))
    bench.up(spec, None)
    assert "weights tuned:4" in [f"{change.kind} {change.name}" for change in bench.plan(spec, None).changes]


@pytest.mark.parametrize(
    ("asset", "properties", "code", "words"),
    [
        pytest.param("azureml:tuned:9", {}, "model_asset_not_found", "'azureml:tuned:9': there is no such", id="none"),
        pytest.param("azureml:other@latest", {}, "model_asset_not_found", "there is no such model", id="no-latest"),
        pytest.param(
            "azureml:tuned:3", {"modelType": "mlflow_model"}, "model_kind", "is a mlflow_model, which", id="mlflow"
        ),
    ],
)
def test_what_cannot_be_mounted_is_refused_by_the_plan(
    bench: Any, registered: Any, asset: str, properties: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(GateliftError, match=words) as refused:
        bench.plan(registered(f"no-asset-{code.replace('_', '-')[:12]}".rstrip("-"), asset, **properties), None)
    assert refused.value.code == code


def test_an_archived_version_is_told(bench: Any, registered: Any, actions: Callable[[Plan], dict[str, str]]) -> None:
    spec = registered("asset-archived", "azureml:tuned:3", isArchived=True)
    assert "it is archived, and works all the same" in next(
        change.reason for change in bench.plan(spec, None).changes if change.kind == "weights"
    )


def test_an_asset_of_a_registry_is_mounted_and_only_looked_up_where_that_can_be(bench: Any, deployed: Any) -> None:
    maker = bench.spec("registered-maker", model={"id": "org/plain"}, catalog={"registry": "shelf-of-models"})
    target = bench.target(maker)
    made = catalog_publish(maker, target)
    models = f"{home_id(target.cloud, 'shelf-of-models')}/models/{made['name']}/versions"
    uri = target.arm.get(f"{models}/{made['model_version']}")["properties"]["modelUri"]
    target.arm.put(f"{models}/1", {"properties": {"modelUri": uri, "modelType": "custom_model"}})
    reference = f"azureml://registries/shelf-of-models/models/{made['name']}"
    for label, written in {"version": "versions/1", "latest": "labels/latest"}.items():
        spec = bench.spec(f"registry-{label}", model={"id": None, "asset": f"{reference}/{written}"})
        weights = next(change for change in bench.plan(spec, None).changes if change.kind == "weights")
        assert (weights.action, weights.name) == ("none", f"{reference}/versions/1")
    bench.up(spec, None)
    assert deployed(spec).properties["model"] == f"{reference}/versions/1"
    with pytest.raises(GateliftError, match="there is no such model"):
        bench.plan(bench.spec("registry-none", model={"id": None, "asset": f"{reference}/versions/9"}), None)
    other = "azureml://registries/of-others/models/x/versions/1"
    plan = bench.plan(bench.spec("registry-other", model={"id": None, "asset": other}), None)
    said = next(change.reason for change in plan.changes if change.kind == "weights")
    assert "has looked whether it is there, since your subscription has no registry of-others" in said
