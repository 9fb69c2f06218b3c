"""The state folder: it can be copied, inspected and reset; it is its owner's alone, and made from one seed."""

import gc
import json
import os
import shutil
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cli.main import main
from infra.emulator import launcher
from infra.errors import GateliftError
from tests.infra.emulator.conftest import SEED
from tests.infra.emulator.gateway.test_fault_rows import CONNECTION


def test_a_copy_of_a_stopped_state_is_a_second_emulator(
    start_emulator: Callable[..., Any], arm_of: Callable[..., Any], tmp_path: Path, bodies: Any
) -> None:
    profile = start_emulator("first")
    arm = arm_of(profile)
    endpoint = arm.endpoint("copied")
    arm.done("PUT", f"{arm.lab}/connections/copied", CONNECTION)
    assert launcher.stop(tmp_path / "first")
    for file in sorted((tmp_path / "first").rglob("*")):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    shutil.copytree(tmp_path / "first", tmp_path / "second")

    # Side by side: the ports of the first are taken when the second starts.
    first, second = start_emulator("first"), start_emulator("second")
    assert first.resource_manager == profile.resource_manager != second.resource_manager
    here, there = arm_of(first), arm_of(second)
    assert here("POST", f"{endpoint}/listKeys").json() == there("POST", f"{endpoint}/listKeys").json()
    assert here("POST", f"{arm.lab}/connections/copied/listsecrets").json()["properties"]["credentials"] == {
        "keys": {"a": "b"}
    }
    uris = [client("GET", endpoint).json()["properties"]["scoringUri"] for client in (here, there)]
    assert uris[0] != uris[1]
    here.done("DELETE", endpoint)
    assert here("GET", endpoint).status_code == 404
    assert there("GET", endpoint).status_code == 200


def test_it_can_be_looked_into_and_reset(
    start_emulator: Callable[..., Any],
    arm_of: Callable[..., Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "seed.json").write_text(json.dumps({**SEED, "hub": {"repos": [{"id": "org/x", "files": {"a": "b"}}]}}))
    profile = start_emulator(seed=tmp_path / "seed.json")
    arm = arm_of(profile)
    arm.done("PUT", f"{arm.lab}/connections/seen", CONNECTION)
    documents = httpx.get(f"{profile.portal}/resources", trust_env=False).json()
    assert f"{arm.lab}/connections/seen" in {document["id"] for document in documents}
    assert '"a": "b"' not in json.dumps(documents)
    command = ["--state", str(tmp_path / "state"), "--output", "json", "--yes"]
    assert main(["emulator", "inspect", *command]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "resources": documents}
    (tmp_path / "state" / "mine.txt").write_text("kept")
    assert main(["emulator", "reset", *command]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "removed": True}
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["mine.txt"]
    assert not launcher.reset(tmp_path / "state")
    arm = arm_of(start_emulator())
    assert arm("GET", f"{arm.lab}/connections/seen").status_code == 404


def test_a_state_is_made_from_one_seed(start_emulator: Callable[..., Any], tmp_path: Path, seed_file: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"quota": {"westeurope": {}}}))
    same = tmp_path / "same.json"
    same.write_text(json.dumps(json.loads(seed_file.read_text()), indent=4))
    first = start_emulator()
    assert start_emulator(seed=same) == start_emulator(seed=None) == first
    for running in (True, False):
        with pytest.raises(GateliftError, match="was made from another seed") as refused:
            start_emulator(seed=other)
        assert "--state" in refused.value.hint
        assert launcher.stop(tmp_path / "state") is running
    assert start_emulator(seed=None).state == first.state


def test_a_state_made_without_a_seed_takes_none_later(start_emulator: Callable[..., Any], seed_file: Path) -> None:
    start_emulator("plain", seed=None)
    with pytest.raises(GateliftError, match="was made without a seed"):
        start_emulator("plain", seed=seed_file)


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        pytest.param({"quota": {"moon": {}}}, "quota.moon: Azure has no region 'moon'", id="quota"),
        pytest.param(
            {"workspaces": [{"subscription_id": "s", "resource_group": "g", "name": "nnn", "location": "Mars"}]},
            r"workspaces\[0\].location: Azure has no region 'Mars'",
            id="workspace",
        ),
    ],
)
def test_a_region_that_azure_has_not(start_emulator: Callable[..., Any], tmp_path: Path, seed: Any, words: str) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(seed))
    with pytest.raises(GateliftError, match=words):
        start_emulator(seed=path)


def test_starting_one_leaves_nothing_to_warn_about(start_emulator: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        profile = start_emulator()
        gc.collect()
    assert os.path.exists(f"/proc/{profile.pid}")
