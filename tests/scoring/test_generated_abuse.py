"""Generated requests, by our own document and the official one: never a 5xx, never a hang, always the right shape."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

EACH = 60
# Where a generated body has these, it gets small ones: what is tried is the reading, not the engine's patience.
SHORT = {"max_tokens": 2, "max_output_tokens": 2, "max_completion_tokens": 2, "stream": False, "background": False}
AZURE_PATHS = ("/chat/completions", "/embeddings", "/images/embeddings", "/info")


def official_document(repository: Path) -> dict[str, Any]:
    """The stable document, with the wider types that we accept left as they are."""
    path = repository.parent / "shared" / "specs" / "model-inference" / "2025-04-01" / "openapi.json"
    if not path.is_file():
        pytest.skip(f"no official document at {path}")
    document: dict[str, Any] = json.loads(path.read_text("utf-8-sig"))
    return document


def hammer(document: dict[str, Any], url: str, paths: tuple[str, ...]) -> Counter[int]:
    """Send what schemathesis makes of each operation, valid and not; return how often each status came."""
    counted: Counter[int] = Counter()
    for path in paths:
        for method in document["paths"][path]:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                operation = schemathesis.openapi.from_dict(document)[path][method.upper()]
                with suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
                    send_each(operation.as_strategy(generation_mode=mode), url, path in AZURE_PATHS, counted)
    return counted


def send_each(strategy: Any, url: str, azure: bool, counted: Counter[int]) -> None:
    """Send examples of one operation and check each answer."""

    @settings(
        max_examples=EACH, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def send(case: Any) -> None:
        if isinstance(case.body, dict):
            limit = {"max_output_tokens": 2} if "input" in case.body else {"max_tokens": 2}
            case.body = case.body | {name: value for name, value in SHORT.items() if name in case.body} | limit
        answer = case.call(base_url=url, timeout=60)
        counted[answer.status_code] += 1
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            error = json.loads(answer.content)["error"]
            assert error["message"]
            if azure:
                assert answer.headers["x-ms-error-code"] == [error["code"]]

    send()


UNREAD = "vLLM 0.32 answers 500 where its reader of Responses input fails on a strange one"
OWN_PATHS = [
    "/score", "/v1/chat/completions", "/v1/completions", "/v1/responses/{response_id}",
    "/v1/responses/{response_id}/cancel", "/v1/models", *("/chat/completions", "/info"),
    pytest.param("/v1/responses", marks=pytest.mark.xfail(reason=UNREAD, strict=False)),
]  # fmt: skip


@pytest.mark.parametrize("path", OWN_PATHS)
def test_by_our_own_document(chat_url: str, path: str) -> None:
    counted = hammer(httpx.get(f"{chat_url}/openapi.json").json(), chat_url, (path,))
    print(f"\n{path}: {counted.total()} cases, {dict(counted)}")  # noqa: T201
    assert counted.total() >= 1
    assert httpx.get(f"{chat_url}/health/ready").status_code == 200


@pytest.mark.parametrize("path", AZURE_PATHS)
def test_by_the_official_document(chat_url: str, repository: Path, path: str) -> None:
    counted = hammer(official_document(repository), chat_url, (path,))
    print(f"\nofficial {path}: {counted.total()} cases, {dict(counted)}")  # noqa: T201
    assert counted.total() >= EACH
    assert httpx.get(f"{chat_url}/health/ready").status_code == 200
