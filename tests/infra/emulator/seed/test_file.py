"""Seed files: one clear error for what no emulator could begin with, and it repeats no secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.emulator.seed.file import SeedError, read_seed

PLACE = {"subscription_id": "s", "resource_group": "g", "name": "nnn", "location": "eastus"}
TOKEN = {"value": "hf_example", "user": "ann"}


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        pytest.param([], "the seed: should be a valid dictionary", id="no-object"),
        pytest.param({"workspace": []}, "workspace: unknown key", id="section"),
        pytest.param({"workspaces": [{"name": "x"}]}, "workspaces[0].subscription_id: is missing", id="place"),
        pytest.param({"workspaces": [{**PLACE, "name": "a/b"}]}, "workspaces[0].name: should match", id="slash"),
        pytest.param({"workspaces": [{**PLACE, "name": ".."}]}, "workspaces[0].name: should match", id="dots"),
        pytest.param({"registries": [{**PLACE, "name": "a/../b"}]}, "registries[0].name: should match", id="registry"),
        pytest.param({"workspaces": [{**PLACE, "location": "Mars"}]}, "no region 'Mars'", id="region"),
        pytest.param({"principals": [{}]}, "principals[0].client_id: is missing", id="principal"),
        pytest.param({"principals": [{"client_id": "c", "client_secret": 5}]}, "client_secret: should be", id="secret"),
        pytest.param({"quota": {"moon": {}}}, "quota.moon: Azure has no region 'moon'", id="quota-region"),
        pytest.param({"quota": {"eastus": {"a": 1}}}, "quota.eastus.a: no VM family 'a'; there are", id="family"),
        pytest.param({"quota": {"eastus": {"standardDSv2Family": "b"}}}, "should be a valid integer", id="cores"),
        pytest.param({"quota": {"eastus": {"standardDSv2Family": -1}}}, "greater than or equal to 0", id="below-0"),
        pytest.param({"hub": {"nope": 1}}, "hub.nope: unknown key", id="hub"),
        pytest.param({"hub": {"tokens": [1]}}, "hub.tokens[0]: should be", id="token"),
        pytest.param({"hub": {"tokens": [{"user": "x"}]}}, "hub.tokens[0].value: is missing", id="token-without-value"),
        pytest.param({"hub": {"tokens": [{**TOKEN, "role": "admin"}]}}, "role: should be 'read', 'write'", id="role"),
        pytest.param({"hub": {"tokens": [{**TOKEN, "value": 5}]}}, "value: should be a valid string", id="number"),
        pytest.param({"hub": {"repos": [{"id": "gpt2"}]}}, "hub.repos[0].id: should match", id="repository"),
        pytest.param({"hub": {"repos": [{"id": "../x"}]}}, "hub.repos[0].id: should match", id="repository-above"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "gated": True}]}}, "gated: should be False, 'auto'", id="gated"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "access": {"x": "maybe"}}]}}, "access.x: should be", id="access"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "file": {}}]}}, "file: unknown key", id="key"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "files": {"../x": ""}}]}}, "not a path inside", id="path"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "history": [{}]}]}}, "history[0]: ", id="empty-commit"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "branches": {"main": {}}}]}}, "'main' is no name", id="main"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "branches": {"../x": {}}}]}}, "is no name of", id="branch"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "tags": {"v1": "dev"}}]}}, "'dev' names no branch", id="tag"),
        pytest.param({"hub": {"repos": [{"id": "a/b", "tags": {"v1": "main~1"}}]}}, "before the first", id="too-early"),
    ],
)
def test_a_wrong_seed_is_refused(tmp_path: Path, seed: Any, words: str) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(seed))
    with pytest.raises(SeedError) as error:
        read_seed(path)
    assert words in str(error.value)
    assert error.value.hint
    assert "hf_example" not in str(error.value)


def test_a_seed_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text("[" * 9000 + "]" * 9000)
    with pytest.raises(SeedError, match="nested too deeply"):
        read_seed(path)
