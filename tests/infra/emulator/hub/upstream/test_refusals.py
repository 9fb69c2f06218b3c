"""What the real Hub refuses is refused in the same way: status, code, words, and when to come back."""

from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.infra.emulator.hub.upstream.conftest import Through

CONFIG = "/acme/gated/resolve/main/config.json"
TELLING = ("x-error-code", "x-error-message", "retry-after", "ratelimit", "ratelimit-policy", "x-repo-commit")


def download(repo: str, path: str = "config.json", **more: Any) -> Callable[[HfApi], Any]:
    """A download to a place where nothing is yet."""

    def call(api: HfApi) -> str:
        with TemporaryDirectory() as folder:
            return str(api.hf_hub_download(repo, path, cache_dir=folder, **more))

    return call


@pytest.mark.parametrize(
    ("token", "call", "error", "status", "words"),
    [
        pytest.param(False, download("acme/gated"), GatedRepoError, 401, "must have access", id="gated-anonymous"),
        pytest.param("hf_bob", download("acme/gated"), GatedRepoError, 403, "not in the auth", id="gated-not-asked"),
        pytest.param("hf_pat", download("acme/gated"), GatedRepoError, 403, "awaiting a review", id="gated-pending"),
        pytest.param("hf_roy", download("acme/gated"), GatedRepoError, 403, "been rejected", id="gated-rejected"),
        pytest.param("hf_no", download("acme/open"), HfHubHTTPError, 401, "Invalid credentials", id="unknown-token"),
        pytest.param(False, download("acme/no"), RepositoryNotFoundError, 401, "Invalid user", id="no-repository"),
        pytest.param(
            "hf_ann", download("acme/no"), RepositoryNotFoundError, 404, "not found", id="no-repository-token"
        ),
        pytest.param("hf_ann", download("acme/secret"), RepositoryNotFoundError, 404, "not found", id="private"),
        pytest.param(False, download("gpt2"), RepositoryNotFoundError, 401, "Invalid user", id="no-namespace"),
        pytest.param(
            False, download("acme/open", revision="v9"), RevisionNotFoundError, 404, "Invalid rev id", id="revision"
        ),
        pytest.param(
            False, download("acme/open", "no.json"), RemoteEntryNotFoundError, 404, "Entry not found", id="file"
        ),
        pytest.param(
            False,
            lambda api: list(api.list_repo_tree("acme/open", "no")),
            RemoteEntryNotFoundError,
            404,
            "",
            id="folder",
        ),
        pytest.param("hf_pat", lambda api: api.auth_check("acme/gated"), GatedRepoError, 403, "awaiting", id="check"),
        pytest.param("hf_no", lambda api: api.whoami(), HfHubHTTPError, 401, "Invalid user token", id="whoami"),
    ],
)
def test_each_refusal_is_told_apart(
    through: Through, token: Any, call: Callable[[HfApi], Any], error: type, status: int, words: str
) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        call(through.api(token))
    assert type(refused.value) is error
    assert refused.value.response.status_code == status
    assert words.lower() in str(refused.value).lower()


def test_who_may_read_a_gated_repository_does(through: Through, tmp_path: Any) -> None:
    api = through.api("hf_ann")
    api.auth_check("acme/gated")
    assert api.hf_hub_download("acme/gated", "model.safetensors", cache_dir=tmp_path)
    assert api.hf_hub_download("acme/gated", "model.safetensors", revision="main", cache_dir=tmp_path / "again")


@pytest.mark.parametrize("token", [None, "hf_bob", "hf_pat"])
def test_what_is_kept_of_a_gated_repository_is_still_gated(through: Through, token: str | None) -> None:
    file = "/acme/gated/resolve/main/model.safetensors"
    assert through.get(file, Authorization="Bearer hf_ann").status_code == 200
    assert through.blobs()
    answer = through.get(file, **({"Authorization": f"Bearer {token}"} if token else {}))
    assert (answer.status_code, answer.headers["x-error-code"]) == (403 if token else 401, "GatedRepo")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 429, "headers": {"Retry-After": "7"}}, id="429-retry-after"),
        pytest.param(
            {"status": 429, "headers": {"RateLimit": '"resolvers";r=0;t=9', "RateLimit-Policy": '"f";q=3;w=300'}},
            id="429-ratelimit",
        ),
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 502}, id="502"),
        pytest.param({"status": 503, "headers": {"Retry-After": "3"}}, id="503"),
        pytest.param({"status": 504}, id="504"),
        pytest.param({"status": 403, "headers": {"X-Error-Message": "This IP is blocked"}}, id="403-without-a-code"),
        pytest.param({"status": 451, "headers": {"X-Error-Message": "Access to this resource is disabled."}}, id="451"),
    ],
)
@pytest.mark.parametrize("path", ["/api/models/acme/open", "/acme/open/resolve/main/config.json", "/api/whoami-v2"])
def test_a_bad_day_of_the_hub_is_passed_on(through: Through, fault: dict[str, Any], path: str) -> None:
    headers = {"Authorization": "Bearer hf_ann"}
    through.fault(**fault)
    real = httpx.get(through.real.hub + path, headers=headers, trust_env=False)
    answer = through.get(path, **headers)
    assert answer.status_code == real.status_code == fault["status"]
    telling = {name: real.headers[name] for name in TELLING if name in real.headers}
    assert {name: answer.headers.get(name) for name in telling} == telling


def test_a_repository_that_vanished_is_gone_while_the_hub_says_so(
    through: Through, unplugged: Callable[[], None]
) -> None:
    path = "/acme/open/resolve/main/config.json"
    assert through.get(path).status_code == 200
    gone = {"status": 404, "headers": {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}}
    through.fault(path="acme/open", **gone)
    answer = through.get(path)
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")
    unplugged()
    assert through.get(path).status_code == 200, "what was kept is not lost"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/api/models/acme/..%2f..%2fx", 404, id="repository"),
        pytest.param("/acme/..%2fx/resolve/main/config.json", 404, id="repository-of-a-file"),
        pytest.param("/acme/open/resolve/..%2f..%2fmain/config.json", 404, id="revision"),
        pytest.param("/acme/open/resolve/main/..%2f..%2f..%2fetc/passwd", 404, id="file"),
        pytest.param("/acme/open/resolve/main/a%00b", 404, id="nul"),
    ],
)
def test_no_name_leads_out_of_the_cache(through: Through, path: str, status: int) -> None:
    assert through.get(path).status_code == status
    assert not list(through.cache.parent.glob("**/passwd"))
