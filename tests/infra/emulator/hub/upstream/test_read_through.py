"""A repository of the real Hub through the emulated one, with the real huggingface_hub."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, scan_cache_dir, snapshot_download

from infra.emulator.launcher import EmulatorProfile
from tests.infra.emulator.hub.upstream.between import Between
from tests.infra.emulator.hub.upstream.conftest import SHARD, Through

FILES = ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
FIRST = f"/acme/open/resolve/main/{FILES[1]}"


def test_a_snapshot_is_the_real_hubs_and_is_kept_in_huggingface_hubs_layout(
    through: Through, far: Between, tmp_path: Path
) -> None:
    folder = Path(snapshot_download("acme/open", endpoint=through.hub, token=False, cache_dir=tmp_path / "client"))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / FILES[2]).read_bytes() == SHARD + b"\2"
    kept = scan_cache_dir(through.cache)
    assert not kept.warnings
    (repo,) = kept.repos
    (revision,) = repo.revisions
    assert (repo.repo_id, revision.refs, revision.commit_hash) == ("acme/open", {"main"}, folder.name)
    assert sorted(file.file_name for file in revision.files) == FILES
    before = len(far.stored)
    snapshot_download("acme/open", endpoint=through.hub, token=False, cache_dir=tmp_path / "another")
    assert len(far.stored) == before, "what is kept is not fetched again"


def described(api: HfApi) -> dict[str, Any]:
    """What huggingface_hub finds out about the repository."""
    info = api.model_info("acme/open", files_metadata=True)
    return {
        "info": info,
        "expanded": api.model_info("acme/open", expand=["sha", "gated"]),
        "at the commit": api.model_info("acme/open", revision=info.sha),
        "tree": list(api.list_repo_tree("acme/open", recursive=True)),  # two entries on a page
        "paths": api.get_paths_info("acme/open", FILES[:2]),
        "refs": api.list_repo_refs("acme/open"),
        "commits": api.list_repo_commits("acme/changed"),
        "the tag": api.model_info("acme/changed", revision="v1"),
        "exists": (api.repo_exists("acme/open"), api.file_exists("acme/open", "config.json")),
        "does not": (api.repo_exists("acme/nope"), api.file_exists("acme/open", "nope.json")),
    }


def test_what_is_said_about_a_repository_is_what_the_real_hub_says(through: Through, real_hub: EmulatorProfile) -> None:
    assert described(through.api()) == described(HfApi(endpoint=real_hub.hub, token=False))


def test_pages_lead_through_us(through: Through) -> None:
    answer = through.get("/api/models/acme/open/tree/main")
    assert answer.headers["link"].startswith(f"<{through.hub}/api/models/acme/open/tree/main?")


def test_pages_of_a_hub_that_calls_itself_otherwise_lead_through_us(through: Through) -> None:
    through.put(endpoint=through.real.hub.replace("127.0.0.1", "localhost"))
    answer = through.get("/api/models/acme/names/tree/main?recursive=true&limit=1")
    assert answer.links["next"]["url"].startswith(f"{through.hub}/api/models/acme/names/tree/main?recursive=true&")


def test_a_token_of_the_real_hub_is_asked_there(through: Through) -> None:
    assert through.api("hf_ann").whoami()["name"] == "ann"


def test_our_own_repositories_and_tokens_stay_ours(through: Through, far: Between) -> None:
    demo = httpx.get(f"{through.profile.portal}/token", trust_env=False).json()
    assert through.api(demo["token"]).whoami()["name"] == "demo"
    assert through.api(demo["token"]).model_info("HuggingFaceTB/SmolLM2-135M-Instruct").gated == "auto"
    assert not far.heard
    assert through.api(demo["token"]).model_info("acme/open").id == "acme/open"
    assert [request.headers.get("authorization") for request in far.heard] == [None]


def test_xet_is_not_offered(through: Through, far: Between) -> None:
    answer = httpx.head(through.hub + FIRST, trust_env=False)
    assert answer.status_code == 302
    assert not {name for name in answer.headers if "xet" in name} | ({"link"} & set(answer.headers))


@pytest.mark.parametrize(
    ("sent", "status", "content"),
    [
        pytest.param("", 200, SHARD + b"\1", id="whole"),
        pytest.param("bytes=0-9", 206, SHARD[:10], id="first"),
        pytest.param("bytes=2000000-2000009", 206, SHARD[2_000_000:2_000_010], id="middle"),
        pytest.param(f"bytes={len(SHARD)}-", 206, b"\1", id="end"),
        pytest.param("bytes=-3", 206, SHARD[-2:] + b"\1", id="last"),
        pytest.param(f"bytes={len(SHARD) + 1}-", 416, None, id="beyond"),
    ],
)
def test_ranges_are_the_same_before_and_after_the_file_is_kept(
    through: Through, sent: str, status: int, content: bytes | None
) -> None:
    headers = {"Range": sent} if sent else {}
    for _ in range(2):
        answer = through.get(FIRST, **headers)
        assert (answer.status_code, content in (None, answer.content)) == (status, True)
        assert through.get(FIRST).status_code == 200


def test_many_readers_share_one_download(through: Through, far: Between) -> None:
    far.slow = 0.02
    found: list[bytes] = []
    readers = [threading.Thread(target=lambda: found.append(through.get(FIRST).content)) for _ in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [SHARD + b"\1"] * 5
    assert far.reads == ["all"]


def test_a_changed_commit_is_seen_at_once_and_the_old_one_kept(through: Through, tmp_path: Path) -> None:
    old = through.get("/acme/changed/resolve/v1/config.json")
    new = through.get("/acme/changed/resolve/main/config.json")
    assert (old.text, new.text) == ("old", "new")
    assert old.headers["x-repo-commit"] != new.headers["x-repo-commit"]
    refs = through.cache / "models--acme--changed" / "refs"
    assert (refs / "main").read_text() == new.headers["x-repo-commit"]
    assert (refs / "v1").read_text() == old.headers["x-repo-commit"]


def test_a_branch_that_moves_is_followed(through: Through, unplugged: Callable[[], None]) -> None:
    path = "/acme/moving/resolve/{}/config.json"
    old = through.get(path.format("main"))
    (Path(through.real.state).parent / "moving" / "config.json").write_text("new")
    new = through.get(path.format("main"))
    assert (old.text, new.text) == ("old", "new")
    unplugged()
    assert through.get(path.format("main")).text == "new"
    assert through.get(path.format(old.headers["x-repo-commit"])).text == "old"


def test_the_machines_own_cache_is_read_and_never_written(through: Through, far: Between, tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    snapshot_download("acme/open", endpoint=through.real.hub, token=False, cache_dir=machine)
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in machine.rglob("*"))
    through.put(endpoint=far.hub, machine_cache=str(machine))
    assert through.get(FIRST).content == SHARD + b"\1"
    assert not far.stored
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in machine.rglob("*")) == before


def test_only_this_user_may_read_what_is_kept(through: Through) -> None:
    through.get(FIRST)
    for path in through.cache.rglob("*"):
        assert path.is_symlink() or not os.stat(path).st_mode & 0o077, path
