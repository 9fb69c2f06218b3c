"""The real Hub cannot be reached: what this machine has is served, and one sentence tells what it lacks."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from infra.operations.hub.kept import kept_model, kept_models
from tests.infra.emulator.hub.upstream.between import served
from tests.infra.emulator.hub.upstream.conftest import NAMES, SHARD, Through
from tests.infra.emulator.hub.upstream.test_read_through import FILES, described

NOWHERE = "http://127.0.0.1:9"
HOW = [
    pytest.param({"endpoint": NOWHERE}, f"and {NOWHERE} cannot be reached: ", id="no-network"),
    pytest.param({"offline": True}, "is not asked: HF_HUB_OFFLINE is set; ", id="told-to-be-offline"),
    pytest.param({"proxies": {"http": NOWHERE}, "endpoint": "http://hub.example"}, "cannot be reached", id="proxy"),
]


@pytest.fixture
def whole(through: Through, tmp_path: Path) -> str:
    """The commit of a repository that was read as a whole."""
    folder = snapshot_download("acme/open", endpoint=through.hub, token=False, cache_dir=tmp_path / "online")
    return Path(folder).name


@pytest.mark.parametrize(("choice", "why"), HOW)
@pytest.mark.parametrize("revision", ["main", "commit"])
def test_what_was_read_is_there(
    through: Through, whole: str, tmp_path: Path, choice: dict[str, Any], why: str, revision: str
) -> None:
    through.put(**choice)
    wanted = whole if revision == "commit" else revision
    folder = Path(
        snapshot_download("acme/open", revision=wanted, endpoint=through.hub, token="hf_ann", cache_dir=tmp_path / "c")
    )
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / FILES[2]).read_bytes() == SHARD + b"\2"
    answer = through.get(f"/acme/open/resolve/main/{FILES[1]}", Range="bytes=0-9")
    assert (answer.status_code, answer.content) == (206, SHARD[:10])


@pytest.mark.parametrize(("choice", "why"), HOW)
@pytest.mark.parametrize(
    ("call", "what"),
    [
        pytest.param(lambda api: api.model_info("acme/other"), "acme/other is not in the cache", id="repository"),
        pytest.param(lambda api: api.model_info("gpt2"), "gpt2 is not in the cache", id="without-namespace"),
        pytest.param(
            lambda api: api.model_info("acme/open", revision="v9"),
            "the revision v9 of acme/open is",
            id="revision",
        ),
        pytest.param(lambda api: api.whoami(token="hf_x"), "this token is none of the emulator's", id="whoami"),
    ],
)
def test_one_sentence_tells_what_is_missing(
    through: Through, whole: str, choice: dict[str, Any], why: str, call: Callable[[Any], Any], what: str
) -> None:
    through.put(**choice)
    began = time.monotonic()
    with pytest.raises(HfHubHTTPError) as missing:
        call(through.api())
    message = missing.value.server_message or str(missing.value)
    assert what in message
    assert why in message
    assert "\n" not in missing.value.response.headers["x-error-message"]
    assert missing.value.response.status_code == 424, "a status that huggingface_hub does not try again"
    assert time.monotonic() - began < 20


def test_a_file_that_was_not_read_is_told_with_what_brings_it(
    through: Through, unplugged: Callable[[], None], tmp_path: Path
) -> None:
    through.get(f"/acme/open/resolve/main/{FILES[0]}")
    unplugged()
    info = through.api().model_info("acme/open", files_metadata=True)
    assert [(each.rfilename, each.size) for each in info.siblings or []] == [
        (FILES[0], 23),
        (FILES[1], len(SHARD) + 1),
        (FILES[2], len(SHARD) + 1),
    ]
    with pytest.raises(LocalEntryNotFoundError) as missing:
        hf_hub_download("acme/open", FILES[1], endpoint=through.hub, token=False, cache_dir=tmp_path)
    assert f"{FILES[1]} of acme/open at {(info.sha or '')[:12]} is not in the cache" in str(missing.value.__cause__)
    assert "`gatelift hub pull acme/open` brings it" in str(missing.value.__cause__)


def test_what_is_said_offline_is_what_was_said_before(
    through: Through, whole: str, unplugged: Callable[[], None]
) -> None:
    through.get("/acme/changed/resolve/main/config.json")
    through.get("/acme/changed/resolve/v1/config.json")
    before = described(through.api())
    unplugged()
    api = through.api()
    info = api.model_info("acme/open", files_metadata=True)
    assert info == before["info"]
    assert list(api.list_repo_tree("acme/open", recursive=True)) == before["tree"]
    assert api.get_paths_info("acme/open", FILES[:2]) == before["paths"]
    assert api.model_info("acme/changed", revision="v1").sha == before["the tag"].sha
    assert not api.file_exists("acme/open", "nope.json")


def test_what_was_read_of_a_gated_repository_is_served_offline(through: Through, unplugged: Callable[[], None]) -> None:
    path = "/acme/gated/resolve/main/config.json"
    assert through.get(path, Authorization="Bearer hf_ann").status_code == 200
    unplugged()
    assert through.get(path).status_code == 200
    assert through.api().model_info("acme/gated").gated == "manual"
    assert through.get("/api/models/acme/gated/auth-check").status_code == 200


@pytest.mark.parametrize("listing", [True, False], ids=["as-huggingface_hub-leaves-it", "without-its-list"])
def test_the_machines_own_cache_is_enough(
    through: Through, tmp_path: Path, unplugged: Callable[[], None], listing: bool
) -> None:
    machine = tmp_path / "machine"
    snapshot_download("acme/open", endpoint=through.real.hub, token=False, cache_dir=machine)
    if not listing:
        shutil.rmtree(machine / "models--acme--open" / "trees")
    through.put(endpoint=NOWHERE, machine_cache=str(machine))
    folder = Path(snapshot_download("acme/open", endpoint=through.hub, token=False, cache_dir=tmp_path / "client"))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert not through.cache.exists()


def test_a_hub_that_comes_back_is_asked_again(through: Through, unplugged: Callable[[], None]) -> None:
    unplugged()
    assert through.get("/api/models/acme/open").status_code == 424
    through.put()
    assert through.get("/api/models/acme/open").status_code == 200


def test_a_web_page_in_place_of_the_hub_is_no_hub(through: Through) -> None:
    async def portal_page(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<h1>Please log in to this network</h1>"})

    with served(portal_page) as page:
        through.put(endpoint=page)
        for path in ("/api/models/acme/open", "/acme/open/resolve/main/config.json", "/api/models/acme/open/refs"):
            answer = through.get(path)
            assert (answer.status_code, "as no Hub does" in answer.headers["x-error-message"]) == (424, True)


def test_without_a_word_nothing_is_asked(through: Through, start_emulator: Callable[..., Any]) -> None:
    alone = start_emulator("alone", seed=None)
    answer = httpx.get(f"{alone.hub}/api/models/acme/open", trust_env=False)
    assert (answer.status_code, answer.headers["x-error-code"]) == (401, "RepoNotFound")


def test_files_with_odd_names_and_without_content_are_kept(
    through: Through, unplugged: Callable[[], None], tmp_path: Path
) -> None:
    for client in ("online", "offline"):
        folder = Path(snapshot_download("acme/names", endpoint=through.hub, token=False, cache_dir=tmp_path / client))
        assert {name: (folder / name).read_bytes() for name in NAMES} == NAMES
        unplugged()


@pytest.mark.parametrize(
    ("place", "content"),
    [
        pytest.param("snapshots/.DS_Store", "x", id="mac"),
        pytest.param("refs/.main.77.part", "0" * 40, id="half-a-ref"),
        pytest.param("refs/main/x", "0" * 40, id="folder-in-place-of-a-ref"),
        pytest.param(".gatelift/.0000.json.77.part", "{", id="half-a-note"),
        pytest.param("blobs/0000.incomplete", "w", id="half-a-file"),
    ],
)
def test_what_others_left_in_a_cache_does_no_harm(
    through: Through, unplugged: Callable[[], None], tmp_path: Path, place: str, content: str
) -> None:
    through.get(f"/acme/open/resolve/main/{FILES[1]}")
    left = through.cache / "models--acme--open" / place
    if left.parent.is_file():
        left.parent.unlink()
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text(content)
    (through.cache / "models--acme--open/snapshots/broken").symlink_to(tmp_path / "nowhere")
    assert through.get(f"/acme/open/resolve/main/{FILES[0]}").status_code == 200
    unplugged()
    assert through.get(f"/acme/open/resolve/main/{FILES[0]}").status_code == 200
    assert [model.id for model in kept_models(through.cache)] == ["acme/open"]
    (commit,) = kept_model(through.cache, "acme/open").commits
    assert commit.files == (*FILES[:2],)


@pytest.mark.parametrize("path", [f"/acme/open/resolve/main/{FILES[1]}", f"/acme/open/resolve/main/{FILES[0]}"])
def test_a_cache_that_cannot_be_written_is_named(through: Through, tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    through.put(cache=str(tmp_path / "file" / "cache"))
    answer = through.get(path)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (507, "CacheNotWritable")
    assert "cannot be written at " in answer.headers["X-Error-Message"]


def test_what_the_machine_has_is_served_without_a_cache_to_write(through: Through, whole: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    through.put(cache=str(tmp_path / "file" / "cache"), machine_cache=str(through.cache))
    assert through.get(f"/acme/open/resolve/{whole}/{FILES[1]}").content == SHARD + b"\1"
