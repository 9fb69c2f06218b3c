"""Connections, environments and models as the SDK makes and reads them."""

from pathlib import Path
from typing import Any

import pytest


def test_a_connection_keeps_its_keys_to_itself(target: Any, ml: Any, unique: str) -> None:
    id = f"{target.id}/connections/contract-{unique}"
    keys = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_", "credentials": {"keys": {"WORD": "w1"}}}
    sent = {"properties": {**keys, "metadata": {"team": "blue"}, "isSharedToAll": True}}
    assert target.arm("PUT", id, sent).status_code == 200
    try:
        assert ml.connections.get(f"contract-{unique}").metadata["team"] == "blue"
        assert "w1" not in target.arm("GET", id).text
        secrets = target.arm("POST", f"{id}/listsecrets", {}).json()["properties"]["credentials"]
        assert secrets == {"keys": {"WORD": "w1"}}
    finally:
        ml.connections.delete(f"contract-{unique}")
    assert target.arm("GET", id).status_code == 404


def test_a_version_of_an_environment_is_what_it_was(ml: Any, unique: str) -> None:
    from azure.ai.ml.entities import Environment
    from azure.core.exceptions import HttpResponseError

    name = f"contract-{unique}"
    first = Environment(name=name, version="1", image="docker.io/library/python:3.11-slim")
    made = ml.environments.create_or_update(first)
    assert made.id.endswith(f"/environments/{name}/versions/1")
    assert ml.environments.get(name, label="latest").version == "1"
    with pytest.raises(HttpResponseError) as refused:
        ml.environments.create_or_update(
            Environment(name=name, version="1", image="docker.io/library/python:3.12-slim")
        )
    assert refused.value.status_code == 409


def test_tags_of_a_model_change_its_files_do_not(ml: Any, unique: str, tmp_path: Path, quiet: Any) -> None:
    from azure.ai.ml.entities import Model

    (tmp_path / "README.md").write_text("the weights are on the Hub")
    name = f"contract-{unique}"
    with quiet():
        ml.models.create_or_update(Model(name=name, version="1", path=str(tmp_path), tags={"seen": "once"}))
    model = ml.models.get(name, version="1")
    assert model.tags == {"seen": "once"}
    model.tags = {"seen": "twice"}
    ml.models.create_or_update(model)
    assert ml.models.get(name, label="latest").tags == {"seen": "twice"}
    ml.models.archive(name, version="1")
    assert list(ml.models.list(name=name)) == []


def test_usages_are_numbers(target: Any, ml: Any) -> None:
    region = ml.workspaces.get(target.workspace).location
    provider = f"/subscriptions/{target.subscription}/providers/Microsoft.MachineLearningServices"
    usages = target.arm("GET", f"{provider}/locations/{region}/usages").json()["value"]
    assert all(isinstance(entry["currentValue"], int) and isinstance(entry["limit"], int) for entry in usages)
    assert {"value", "localizedValue"} <= set(usages[0]["name"])
