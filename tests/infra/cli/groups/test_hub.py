"""`gatelift hub pull`, `list` and `rm`, with a second emulator as the Hub."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from tests.infra.cli.conftest import Answer
from tests.infra.emulator.hub.upstream.conftest import SHARD, real_hub  # noqa: F401  a fixture

Hub = Callable[..., Answer]
SHARDS = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    yield folder
    launcher.stop(folder)


@pytest.fixture
def hub(gatelift: Hub, real_hub: EmulatorProfile, state: Path, tmp_path: Path) -> Iterator[Hub]:  # noqa: F811
    """Runs `gatelift hub …` with an empty cache."""

    def run(*arguments: str, **environ: str) -> Answer:
        fixed = {
            "HF_ENDPOINT": real_hub.hub,
            "HF_HOME": str(tmp_path / "home"),
            "GATELIFT_CACHE_DIR": str(tmp_path / "cache"),
            "GATELIFT_EMULATOR_STATE": str(state),
        }
        return gatelift("hub", *arguments, "--output", "json", environ=fixed | environ)

    yield run
    httpx.put(f"{real_hub.portal}/faults", json=[], trust_env=False)


def models(hub: Hub) -> list[dict[str, Any]]:
    """What `list` shows."""
    found: list[dict[str, Any]] = hub("list").document["models"]
    return found


def test_a_model_is_pulled_listed_and_removed(hub: Hub, tmp_path: Path) -> None:
    pulled = hub("pull", "acme/open")
    assert pulled.code == 0, pulled.stderr
    found = pulled.document
    assert (found["version"], found["id"], found["bytes"]) == (1, "acme/open", 2 * len(SHARD) + 2 + 23)
    assert (Path(found["folder"]) / SHARDS[1]).read_bytes() == SHARD + b"\2"
    (model,) = models(hub)
    (commit,) = model["commits"]
    assert (model["id"], commit["commit"], commit["refs"]) == ("acme/open", found["commit"], ["main"])
    assert (commit["files"], commit["missing"]) == (["config.json", *SHARDS], [])
    assert hub("rm", "acme/open", "--yes").document["bytes"] == found["bytes"]
    assert models(hub) == []
    assert not list((tmp_path / "cache" / "hub").rglob("*safetensors"))


@pytest.mark.parametrize(
    ("options", "files"),
    [
        pytest.param([], ["config.json", "model.safetensors"], id="one-format"),
        pytest.param(
            ["--all-files"], ["README.md", "config.json", "model.safetensors", "pytorch_model.bin"], id="all-files"
        ),
    ],
)
def test_one_format_of_the_weights_is_brought(hub: Hub, options: list[str], files: list[str]) -> None:
    assert sorted(hub("pull", "acme/formats", *options).document["files"]) == files
    (model,) = models(hub)
    assert (model["commits"][0]["files"], model["commits"][0]["missing"]) == (files, [])


@pytest.mark.parametrize(
    ("token", "code", "hint"),
    [
        pytest.param("", "token_missing", "make a read token at https://huggingface.co/settings/tokens", id="none"),
        pytest.param("hf_bob", "access_not_requested", "/acme/gated", id="not-asked"),
        pytest.param("hf_pat", "access_pending", "/acme/gated", id="pending"),
        pytest.param("hf_roy", "access_rejected", "/acme/gated", id="rejected"),
        pytest.param("hf_nobody", "token_invalid", "make a new one at https://huggingface.co", id="unknown"),
    ],
)
def test_a_gated_model_says_what_it_wants(hub: Hub, token: str, code: str, hint: str) -> None:
    refused = hub("pull", "acme/gated", HF_TOKEN=token)
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (1, code)
    assert hint in error["hint"]
    assert not token or token not in refused.stdout + refused.stderr


def test_a_gated_model_comes_with_a_token_that_is_kept_nowhere(hub: Hub, tmp_path: Path, state: Path) -> None:
    assert hub("pull", "acme/gated", HF_TOKEN="hf_ann").code == 0
    for folder in (tmp_path, state):
        assert [path for path in folder.rglob("*") if path.is_file() and b"hf_ann" in path.read_bytes()] == []


def test_what_is_here_is_not_fetched_again(hub: Hub, real_hub: EmulatorProfile) -> None:  # noqa: F811
    assert hub("pull", "acme/open").code == 0
    fault = {"target": "hub", "path": "resolve|cdn", "status": 500}
    httpx.post(f"{real_hub.portal}/faults", json=fault, trust_env=False)
    assert hub("pull", "acme/open").code == 0
    again = hub("pull", "acme/open", "--revision", models(hub)[0]["commits"][0]["commit"])
    assert again.code == 0, again.stderr


def test_what_is_missing_after_a_failure_is_listed_and_brought_by_the_next_run(
    hub: Hub,
    real_hub: EmulatorProfile,  # noqa: F811
) -> None:
    fault = {"target": "hub", "path": SHARDS[1], "status": 403, "headers": {"X-Error-Message": "blocked"}}
    httpx.post(f"{real_hub.portal}/faults", json=fault, trust_env=False)
    failed = hub("pull", "acme/open")
    assert (failed.code, "blocked" in failed.document["error"]["message"]) == (1, True)
    assert models(hub)[0]["commits"][0]["missing"] == [SHARDS[1]]
    httpx.put(f"{real_hub.portal}/faults", json=[], trust_env=False)
    assert hub("pull", "acme/open").code == 0
    assert models(hub)[0]["commits"][0]["missing"] == []


def test_a_busy_hub_is_waited_for(hub: Hub, real_hub: EmulatorProfile) -> None:  # noqa: F811
    fault = {"target": "hub", "path": "resolve", "status": 429, "headers": {"Retry-After": "1"}, "times": 1}
    httpx.post(f"{real_hub.portal}/faults", json=fault, trust_env=False)
    assert hub("pull", "acme/open").code == 0


def test_one_commit_is_removed_with_what_no_other_needs(hub: Hub) -> None:
    for revision in ("v1", "main"):
        assert hub("pull", "acme/changed", "--revision", revision, "--all-files").code == 0
    commits = {ref: one for one in models(hub)[0]["commits"] for ref in one["refs"]}
    assert set(commits) == {"v1", "main"}
    assert hub("rm", "acme/changed", "--revision", commits["v1"]["commit"][:8], "--yes").document["bytes"] == 3
    (left,) = models(hub)[0]["commits"]
    assert left == commits["main"]


def test_removing_asks(hub: Hub) -> None:
    hub("pull", "acme/formats")
    assert hub("rm", "acme/formats").document["error"]["code"] == "confirmation_needed"
    assert len(models(hub)) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["rm", "acme/none", "--yes"], "not_in_cache", id="model"),
        pytest.param(["rm", "../..", "--yes"], "not_in_cache", id="above"),
        pytest.param(["rm", "acme/formats", "--revision", "v9", "--yes"], "not_in_cache", id="revision"),
        pytest.param(["pull", "acme/none"], "repository_not_found", id="unknown"),
        pytest.param(["pull", "acme/open", "--revision", "v9"], "revision_not_found", id="unknown-revision"),
    ],
)
def test_what_is_not_there(hub: Hub, arguments: list[str], code: str) -> None:
    hub("pull", "acme/formats")
    assert hub(*arguments).document["error"]["code"] == code
    assert len(models(hub)) == 1


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"HF_ENDPOINT": "http://127.0.0.1:9"}, id="no-network"),
        pytest.param({"HF_HUB_OFFLINE": "1"}, id="told-to-be-offline"),
    ],
)
def test_offline_what_is_here_is_enough_and_the_rest_is_told(hub: Hub, environ: dict[str, str]) -> None:
    hub("pull", "acme/formats")
    assert hub("pull", "acme/formats", **environ).code == 0
    error = hub("pull", "acme/open", **environ).document["error"]
    assert (error["code"], "acme/open is not in the cache" in error["message"]) == ("hub_not_cached", True)
    assert ("HF_ENDPOINT" in error["hint"] or "unset HF_HUB_OFFLINE" in error["hint"], "hub pull" in error["hint"]) == (
        True,
        False,
    )


@pytest.mark.parametrize(
    "model",
    ["", "a b/c", "acme/open/", "acme/open?x=1", "acme/open@main", "../../etc", "https://huggingface.co/acme/open"],
)
def test_what_is_no_name_is_told_before_anything_starts(hub: Hub, model: str, tmp_path: Path) -> None:
    error = hub("pull", model, GATELIFT_EMULATOR_STATE=str(tmp_path / "none")).document["error"]
    assert (error["code"], "ORG/NAME" in error["hint"]) == ("model_name", True)
    assert not (tmp_path / "none").exists()


def test_a_cache_that_cannot_be_written_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = hub("pull", "acme/open", GATELIFT_CACHE_DIR=str(tmp_path / "file" / "x")).document["error"]
    assert (error["code"], "GATELIFT_CACHE_DIR" in error["hint"]) == ("cache_not_writable", True)


def test_the_list_for_people(hub: Hub, gatelift: Hub, tmp_path: Path) -> None:
    environ = {"GATELIFT_CACHE_DIR": str(tmp_path / "cache")}
    assert "the hub cache is empty" in gatelift("hub", "list", environ=environ).stderr
    hub("pull", "acme/formats")
    lines = gatelift("hub", "list", environ=environ).stdout.splitlines()
    assert lines[0].split()[:5] == ["model", "commit", "refs", "files", "size"]
    assert lines[1].split()[0] == "acme/formats"
