"""The catalog of a workspace, seen through the real SDK."""

from pathlib import Path
from typing import Any

from infra.operations.catalog import catalog_publish
from infra.resources.base import owner_of
from tests.infra.operations.catalog.sdk import models_of


def test_the_sdk_reads_lists_and_downloads_what_was_published(bench: Any, tmp_path: Path) -> None:
    spec = bench.spec("sdk-reads", catalog={"name": "sdk-reads-model"})
    target = bench.target(spec)
    entry = catalog_publish(spec, target)
    models, version = models_of(target), entry["model_version"]

    found = models.get("sdk-reads-model", version=version)
    assert (found.type, found.version, found.stage) == ("custom_model", version, None)
    assert (found.tags["modelId"], owner_of(found.tags)) == ("org/gated", "sdk-reads")
    assert found.path.startswith(f"azureml:/{target.workspace.id.partition('/providers/')[0]}".lower())
    assert [model.version for model in models.list(name="sdk-reads-model")] == [version]

    models.download("sdk-reads-model", version=version, download_path=str(tmp_path))
    assert [path.read_text() for path in tmp_path.rglob("README.md")] == [entry["card"]]


def test_the_sdk_changes_the_tags_of_what_was_published(bench: Any) -> None:
    """What the SDK sends back has nothing that Azure would take for another version."""
    spec = bench.spec("sdk-tags", catalog={"name": "sdk-tags-model"})
    target = bench.target(spec)
    entry = catalog_publish(spec, target)
    models = models_of(target)
    model = models.get("sdk-tags-model", version=entry["model_version"])
    model.tags["reviewed"] = "yes"
    models.create_or_update(model)
    assert models.get("sdk-tags-model", version=entry["model_version"]).tags["reviewed"] == "yes"
    assert not any(change.kind == "model" and str(change.action) == "create" for change in bench.plan(spec).changes)
