"""The emulated Hub through the real, unmodified huggingface_hub."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from infra.emulator.hub.seed import DEMO_TOKEN_RECORD, apply_hub_seed
from infra.emulator.world import World
from infra.hub.demo_models import SMOLLM2
from tests.infra.emulator.hub.conftest import SEED, repos_of


@pytest.mark.parametrize(
    ("token", "message", "status", "error"),
    [
        pytest.param(False, "must have access to it and be authenticated", 401, GatedRepoError, id="anonymous"),
        pytest.param("hf_stranger", "not in the authorized list", 403, GatedRepoError, id="not-asked"),
        pytest.param("hf_pending", "awaiting a review", 403, GatedRepoError, id="pending"),
        pytest.param("hf_rejected", "has been rejected", 403, GatedRepoError, id="rejected"),
        pytest.param("hf_fine_blind", "enable access to public gated", 403, HfHubHTTPError, id="fine-without-gated"),
        pytest.param("hf_nobody", "Invalid credentials in Authorization header", 401, HfHubHTTPError, id="no-token"),
    ],
)
def test_who_may_not_read_learns_why(hub: str, token: Any, message: str, status: int, error: type) -> None:
    api = HfApi(endpoint=hub, token=token)
    for attempt in (
        lambda: api.auth_check("acme/gated"),
        lambda: api.get_hf_file_metadata(url=f"{hub}/acme/gated/resolve/main/config.json"),
    ):
        with pytest.raises(HfHubHTTPError, match=message) as refused:
            attempt()
        assert type(refused.value) is error
        assert refused.value.response.status_code == status


@pytest.mark.parametrize("token", ["hf_reader", "hf_fine", "hf_writer"])
def test_who_may_read_downloads_everything(hub: str, tmp_path: Path, token: str) -> None:
    HfApi(endpoint=hub, token=token).auth_check("acme/gated")
    folder = snapshot_download("acme/gated", endpoint=hub, token=token, cache_dir=tmp_path)
    found = {str(path.relative_to(folder)): path.read_text() for path in Path(folder).rglob("*") if path.is_file()}
    assert found == SEED["repos"][0]["files"]


def test_a_download_by_commit_finds_the_same_files(hub: str, tmp_path: Path) -> None:
    sha = HfApi(endpoint=hub).model_info("acme/open").sha
    assert sha is not None
    by_name = hf_hub_download("acme/open", "config.json", endpoint=hub, token=False, cache_dir=tmp_path)
    by_sha = hf_hub_download("acme/open", "config.json", revision=sha, endpoint=hub, token=False, cache_dir=tmp_path)
    assert by_name == by_sha
    assert sha in by_name


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda api: api.model_info("acme/nope"), RepositoryNotFoundError, id="no-repository"),
        pytest.param(lambda api: api.auth_check("acme/nope"), RepositoryNotFoundError, id="no-repository-to-check"),
        pytest.param(lambda api: api.model_info("gpt2"), RepositoryNotFoundError, id="no-namespace"),
        pytest.param(
            lambda api: api.hf_hub_download("gpt2", "config.json"), RepositoryNotFoundError, id="no-namespace-in-a-file"
        ),
        pytest.param(lambda api: api.model_info("acme/secret"), RepositoryNotFoundError, id="private"),
        pytest.param(
            lambda api: api.model_info("acme/open", revision="v9"), RevisionNotFoundError, id="no-revision-in-info"
        ),
        pytest.param(
            lambda api: api.hf_hub_download("acme/open", "config.json", revision="v9"),
            RevisionNotFoundError,
            id="no-revision",
        ),
        pytest.param(lambda api: api.hf_hub_download("acme/open", "nope.txt"), RemoteEntryNotFoundError, id="no-file"),
        pytest.param(
            lambda api: list(api.list_repo_tree("acme/open", "nope")), RemoteEntryNotFoundError, id="no-folder"
        ),
    ],
)
@pytest.mark.parametrize("token", [False, "hf_stranger"])
def test_what_is_not_there(hub: str, token: Any, call: Any, error: type) -> None:
    with pytest.raises(error) as missing:
        call(HfApi(endpoint=hub, token=token))
    assert type(missing.value) is error


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/api/models", id="search"),
        pytest.param("GET", "/api/datasets/acme/data", id="datasets"),
        pytest.param("POST", "/api/models/acme/open/commit/main", id="commit"),
        pytest.param("GET", "/acme/open", id="page"),
    ],
)
def test_what_the_emulator_does_not_know_says_so(hub: str, method: str, path: str) -> None:
    answer = httpx.request(method, f"{hub}{path}", trust_env=False)
    assert answer.status_code == 501
    assert f"does not know the operation '{method} {path}' of the Hub" in answer.headers["x-error-message"]


def test_a_private_repository_is_there_for_its_owner(hub: str) -> None:
    assert HfApi(endpoint=hub, token="hf_writer").model_info("acme/secret").private is True


def test_a_gated_repository_shows_its_card_and_listing_to_everybody(hub: str, tmp_path: Path) -> None:
    api = HfApi(endpoint=hub, token=False)
    info = api.model_info("ACME/gated")
    assert (info.id, info.gated, info.pipeline_tag) == ("acme/gated", "manual", "text-generation")
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    assert info.tags is not None
    assert "license:mit" in info.tags
    assert info.siblings is not None
    assert [each.rfilename for each in info.siblings] == sorted(SEED["repos"][0]["files"])
    assert [entry.path for entry in api.list_repo_tree("acme/gated")] == [
        "README.md",
        "config.json",
        "model.safetensors",
        "sub",
    ]
    assert api.hf_hub_download("acme/gated", "README.md", cache_dir=tmp_path)
    assert api.file_exists("acme/gated", "README.md")


def test_hashes_are_shown_to_those_who_may_read(hub: str) -> None:
    for token, masked in (("hf_reader", False), ("hf_stranger", True)):
        info = HfApi(endpoint=hub, token=token).model_info("acme/gated", files_metadata=True)
        assert info.siblings is not None
        weights = next(each for each in info.siblings if each.rfilename == "model.safetensors")
        assert weights.size == 8000
        assert weights.lfs is not None
        assert (weights.lfs.sha256 == "*" * 64) is masked


def test_expand_picks_fields(hub: str) -> None:
    info = HfApi(endpoint=hub).model_info("acme/gated", expand=["gated", "sha"])
    assert (info.gated, info.author) == ("manual", None)
    assert info.sha


@pytest.mark.parametrize(
    ("token", "role", "gated"),
    [
        ("hf_reader", "read", None),
        ("hf_writer", "write", None),
        ("hf_fine", "fineGrained", True),
        ("hf_fine_blind", "fineGrained", False),
    ],
)
def test_whoami(hub: str, token: str, role: str, gated: bool | None) -> None:
    me = HfApi(endpoint=hub, token=token).whoami()
    access = me["auth"]["accessToken"]
    assert access["role"] == role
    assert access.get("fineGrained", {}).get("canReadGatedRepos") is gated
    assert "hf_" not in str(me)


def test_whoami_of_an_unknown_token(hub: str) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(endpoint=hub, token="hf_nobody").whoami()


def test_write_access_is_the_owners(hub: str) -> None:
    HfApi(endpoint=hub, token="hf_writer").auth_check("acme/open", write=True)
    with pytest.raises(HfHubHTTPError, match="not the required permissions"):
        HfApi(endpoint=hub, token="hf_reader").auth_check("acme/open", write=True)


@pytest.mark.parametrize(("repo", "state"), [("acme/open-gate", 200), ("acme/gated", 403)])
def test_asking_for_access(hub: str, repo: str, state: int) -> None:
    headers = {"Authorization": "Bearer hf_stranger"}
    assert httpx.post(f"{hub}/{repo}/ask-access", headers=headers, trust_env=False).status_code == 303
    answer = httpx.get(f"{hub}/api/models/{repo}/auth-check", headers=headers, trust_env=False)
    assert answer.status_code == state
    if state == 403:
        assert "awaiting a review" in answer.headers["x-error-message"]


def test_the_demo_models_are_there_for_the_demo_user(
    bare_world: World, hub: str, smollm2_weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(GatedRepoError):
        HfApi(endpoint=hub, token="hf_reader").auth_check(SMOLLM2.id)
    apply_hub_seed(bare_world.store, repos_of(bare_world), {"tokens": [{"value": "hf_demo", "user": "demo"}]})
    weights = hf_hub_download(
        SMOLLM2.id, "model.safetensors", endpoint=hub, token="hf_demo", cache_dir=tmp_path / "cache"
    )
    assert Path(weights).stat().st_size == (smollm2_weights / "model.safetensors").stat().st_size


def test_a_seed_may_change_the_gate_of_a_demo_model_and_keeps_its_files(
    bare_world: World, hub: str, smollm2_weights: Path
) -> None:
    apply_hub_seed(
        bare_world.store,
        repos_of(bare_world),
        {"repos": [{"id": SMOLLM2.id, "gated": "manual", "access": {"reader": "pending"}}]},
    )
    info = HfApi(endpoint=hub, token=False).model_info(SMOLLM2.id)
    assert info.gated == "manual"
    assert info.siblings is not None
    assert "model.safetensors" in [each.rfilename for each in info.siblings]


def test_without_a_seed_there_is_one_token_that_stays(bare_world: World) -> None:
    apply_hub_seed(bare_world.store, repos_of(bare_world), None)
    first = bare_world.store.record(*DEMO_TOKEN_RECORD)
    apply_hub_seed(bare_world.store, repos_of(bare_world), None)
    assert first is not None
    assert first["token"].startswith("hf_")
    assert bare_world.store.record(*DEMO_TOKEN_RECORD) == first
