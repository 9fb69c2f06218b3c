"""Commits, branches and tags of the emulated Hub through the real huggingface_hub."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import RevisionNotFoundError

from infra.emulator.world import World
from tests.infra.emulator.hub.conftest import repos_of

REPO = "acme/grown"
FILES = [{"a.txt": "1"}, {"a.txt": "2"}, {"a.txt": "3", "b.txt": "3"}]
DEV = {"a.txt": "dev"}
SEED = {
    "id": REPO,
    "history": FILES[:2],
    "files": FILES[2],
    "branches": {"dev": DEV, "feature/x": {}},
    "tags": {"v0": "main~2", "v1": "main~1", "v2": "main", "dev-1": "dev", "before-dev": "dev~1"},
}
# The files of every ref.
REFS = {
    "main": FILES[2],
    "dev": DEV,
    "feature/x": FILES[2],
    "v0": FILES[0],
    "v1": FILES[1],
    "v2": FILES[2],
    "dev-1": DEV,
    "before-dev": FILES[2],
}


@pytest.fixture
def api(bare_world: World, hub: str) -> HfApi:
    repos_of(bare_world).put(SEED)
    return HfApi(endpoint=hub, token=False)


def shas(api: HfApi) -> dict[str, str]:
    refs = api.list_repo_refs(REPO)
    return {each.name: each.target_commit for each in (*refs.branches, *refs.tags)}


def downloaded(api: HfApi, revision: str, cache: Path) -> dict[str, str]:
    folder = Path(snapshot_download(REPO, revision=revision, endpoint=api.endpoint, token=False, cache_dir=cache))
    return {str(file.relative_to(folder)): file.read_text() for file in folder.iterdir()}


def test_refs_are_listed(api: HfApi) -> None:
    refs = api.list_repo_refs(REPO, include_pull_requests=True)
    assert [each.ref for each in refs.branches] == ["refs/heads/main", "refs/heads/dev", "refs/heads/feature/x"]
    assert [each.ref for each in refs.tags] == [f"refs/tags/{name}" for name in SEED["tags"]]
    assert (refs.converts, refs.pull_requests) == ([], [])
    known = shas(api)
    assert known["main"] == known["v2"] == known["feature/x"] == known["before-dev"]
    assert len({known[name] for name in ("main", "dev", "v0", "v1")}) == 4


def test_commits_are_listed_newest_first(api: HfApi) -> None:
    known = shas(api)
    commits = api.list_repo_commits(REPO)
    assert [each.commit_id for each in commits] == [known["main"], known["v1"], known["v0"]]
    assert [each.created_at for each in commits] == sorted((each.created_at for each in commits), reverse=True)
    assert [each.commit_id for each in api.list_repo_commits(REPO, revision="dev")][:2] == [known["dev"], known["main"]]
    assert [each.commit_id for each in api.list_repo_commits(REPO, revision=known["v0"])] == [known["v0"]]


@pytest.mark.parametrize("ref", REFS)
def test_every_ref_and_its_commit_have_their_files(api: HfApi, tmp_path: Path, ref: str) -> None:
    sha = shas(api)[ref]
    assert api.model_info(REPO, revision=ref).sha == sha
    assert downloaded(api, ref, tmp_path) == downloaded(api, sha, tmp_path / "by-sha") == REFS[ref]
    assert [entry.path for entry in api.list_repo_tree(REPO, revision=ref)] == sorted(REFS[ref])
    assert [entry.path for entry in api.get_paths_info(REPO, ["a.txt", "none"], revision=ref)] == ["a.txt"]
    kind = "tags" if ref in SEED["tags"] else "heads"
    assert api.model_info(REPO, revision=f"refs/{kind}/{ref}").sha == sha


@pytest.mark.parametrize("revision", ["v9", "refs/tags/main", "refs/heads/v1", "0" * 40, "short"])
def test_other_revisions_are_not_there(api: HfApi, tmp_path: Path, revision: str) -> None:
    revision = shas(api)["v1"][:7] if revision == "short" else revision
    for call in (
        lambda: api.model_info(REPO, revision=revision),
        lambda: list(api.list_repo_tree(REPO, revision=revision)),
        lambda: api.list_repo_commits(REPO, revision=revision),
        lambda: api.hf_hub_download(REPO, "a.txt", revision=revision, cache_dir=tmp_path),
    ):
        with pytest.raises(RevisionNotFoundError):
            call()


def test_a_tree_comes_in_pages(api: HfApi) -> None:
    first = httpx.get(f"{api.endpoint}/api/models/acme/gated/tree/main?recursive=true&expand=true", trust_env=False)
    assert len(first.json()) == 2
    pages, answer = [first], first
    while link := answer.links.get("next", {}).get("url"):
        assert "recursive=true" in link
        answer = httpx.get(link, trust_env=False)
        pages.append(answer)
    names = [entry["path"] for page in pages for entry in page.json()]
    assert names == [entry.path for entry in api.list_repo_tree("acme/gated", recursive=True)]
    assert sorted(set(names)) == sorted(names)
    assert "sub/deep/notes.txt" in names


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=-1", "cursor=x"])
def test_a_malformed_page_is_refused(api: HfApi, query: str) -> None:
    answer: Any = httpx.get(f"{api.endpoint}/api/models/{REPO}/tree/main?{query}", trust_env=False)
    assert answer.status_code == 400
