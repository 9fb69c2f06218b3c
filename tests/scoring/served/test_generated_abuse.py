"""Generated requests, by our own document and the official one: never a 5xx, never a hang, always the right shape."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

EACH = 50  # of valid requests, and of requests with something wrong, for each operation
AT_ONCE = 6
ENOUGH = 1000
VERSION = "2025-04-01"
# Where a generated body has these, it gets small ones: what is tried is the reading, not the engine's timeouts.
SHORT = {"max_tokens": 1, "max_output_tokens": 1, "max_completion_tokens": 1, "n": 1, "stream": False}
AZURE_PATHS = ("/chat/completions", "/embeddings", "/images/embeddings", "/info")
STORED = "/v1/responses/{response_id}"
# The path that requests are made for, the server that gets them, and the paths of the same body that get them, too.
OWN = [
    pytest.param("/v1/chat/completions", "chat", ("/", "/score"), id="chat"),
    pytest.param("/v1/completions", "chat", (), id="completions"),
    pytest.param("/v1/responses", "chat", (), id="responses"),
    pytest.param(STORED, "chat", (), id="stored-responses"),
    pytest.param(f"{STORED}/cancel", "chat", (), id="cancel"),
    pytest.param("/v1/models", "chat", (), id="models"),
    pytest.param("/chat/completions", "chat", (), id="azure-chat"),
    pytest.param("/info", "chat", (), id="info"),
    pytest.param("/v1/embeddings", "embedding", (), id="embeddings"),
    pytest.param("/embeddings", "embedding", (), id="azure-embeddings"),
    pytest.param("/images/embeddings", "image", (), id="azure-images"),
]
OFFICIAL = [
    pytest.param("/chat/completions", "chat", id="chat"),
    pytest.param("/embeddings", "embedding", id="embeddings"),
    pytest.param("/images/embeddings", "image", id="images"),
    pytest.param("/info", "chat", id="info"),
]


@pytest.fixture(scope="module")
def tally() -> dict[str, Counter[int]]:
    """How often each status came, by where the requests came from."""
    return {}


def official_document(repository: Path) -> dict[str, Any]:
    path = repository.parent / "shared" / "specs" / "model-inference" / VERSION / "openapi.json"
    if not path.is_file():
        pytest.skip(f"no official document at {path}")
    document: dict[str, Any] = json.loads(path.read_text("utf-8-sig"))
    return document


def requests_for(document: dict[str, Any], path: str) -> Iterator[Any]:
    """Yield what schemathesis makes of each operation of a path, valid and not."""
    for method in document["paths"][path]:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            operation = schemathesis.openapi.from_dict(document)[path][method.upper()]
            with suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
                yield from made_by(operation.as_strategy(generation_mode=mode), limit_of(path))


def limit_of(path: str) -> dict[str, int]:
    if path == "/v1/responses":
        return {"max_output_tokens": 1}
    return {"max_tokens": 1} if path.endswith("completions") else {}


def made_by(strategy: Any, limit: dict[str, int]) -> list[Any]:
    made: list[Any] = []

    @settings(
        max_examples=EACH, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def keep(case: Any) -> None:
        if isinstance(case.body, dict):
            short = {name: value for name, value in SHORT.items() if isinstance(case.body.get(name), type(value))}
            case.body = case.body | short | limit
        made.append(case)

    keep()
    return made


def send_all(made: list[tuple[Any, str, bool]], url: str) -> Counter[int]:
    """Send (request, path, whether it is Azure's) from several clients at once and check each answer."""

    def send(request: tuple[Any, str, bool]) -> int:
        case, path, azure = request
        arguments = case.as_transport_kwargs(base_url=url)
        answer = requests.request(**(arguments | ({"url": url + path} if path else {})), timeout=120)
        return check(answer, azure)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(send, made))


def check(answer: requests.Response, azure: bool) -> int:
    assert answer.status_code < 500, (answer.url, answer.request.body, answer.text)
    if answer.status_code >= 400:
        error = json.loads(answer.content)["error"]
        assert error["message"]
        if azure:
            assert answer.headers["x-ms-error-code"] == error["code"]
        else:
            assert error["code"] == answer.status_code
    return int(answer.status_code)


def server_for(kind: str, request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{kind}_server")


@pytest.mark.parametrize(("path", "kind", "also"), OWN)
def test_by_our_own_document(
    request: pytest.FixtureRequest, tally: dict[str, Counter[int]], path: str, kind: str, also: tuple[str, ...]
) -> None:
    server = server_for(kind, request)
    document = httpx.get(f"{server.base_url}/openapi.json", timeout=60).json()
    made = list(requests_for(document, path))
    everywhere = [(case, other, path in AZURE_PATHS) for case in made for other in ("", *also)]
    tally[path] = send_all(everywhere, server.base_url)
    assert tally[path].total() >= 1
    assert httpx.get(f"{server.base_url}/health/ready").status_code == 200


@pytest.mark.parametrize(("path", "kind"), OFFICIAL)
def test_by_the_official_document(
    request: pytest.FixtureRequest, repository: Path, tally: dict[str, Counter[int]], path: str, kind: str
) -> None:
    document = official_document(repository)
    server = server_for(kind, request)
    made = list(requests_for(document, path))
    for case in made:
        case.query = {**(case.query or {}), "api-version": VERSION}  # or all would end at the version
    tally[f"official {path}"] = send_all([(case, "", True) for case in made], server.base_url)
    assert tally[f"official {path}"].total() >= 1
    assert httpx.get(f"{server.base_url}/health/ready").status_code == 200


def test_these_were_a_thousand(tally: dict[str, Counter[int]], told: list[str]) -> None:
    if len(tally) < len(OWN):
        pytest.skip("only some of the tests of this file were run")
    for path, counted in tally.items():
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(counted.items()))
        told.append(f"  {path:<42} {counted.total():>5} cases  {statuses}")
    total = sum(counted.total() for counted in tally.values())
    told.append(f"  {'generated requests, none answered by a 5xx':<42} {total:>5} cases")
    assert total >= ENOUGH
