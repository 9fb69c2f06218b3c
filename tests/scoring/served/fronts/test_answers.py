"""Generated requests to both of vLLM's fronts: what the Rust one answers is what the Python app answers.

`GATELIFT_FRONT_REQUESTS=2000` sends more than the few hundred of an ordinary run.
"""

import os
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import httpx
import pytest

from scoring.engine.fronts.binary import RustBinary
from scoring.engine.fronts.table import FrontFacts, python_row
from tests.scoring.fronts import generated
from tests.scoring.fronts.comparison import Answer, differences
from tests.scoring.fronts.generated import CHAT, Request
from tests.scoring.official_documents import Documents, Taken

REQUESTS = int(os.environ.get("GATELIFT_FRONT_REQUESTS", "300"))
SEED = 17
AT_ONCE = 4
NOT_COMPARED = b'{"nobody_has_compared_this": 1, '  # the table sends a member that it does not know to the Python app
# What may differ, and why.
HARMLESS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(stream\.)?system_fingerprint: ",  # vllm-rs has none
        r"^choices\[0\]\.message\.content: null \| \"\"$",  # a tool parser makes no text of an empty one
        r": \"(.*)\" \| \"\1\ufffd\"$",  # a text that ends within a character
        r"logprobs\.content\[\d+\](\.top_logprobs\[\d+\])?\.bytes: \[\] \| \[239, 191, 189\]$",  # its token
        r"^(stream\.)?usage\.prompt_tokens_details\.",  # the second finds more in the cache
        r"^stream\.order: .*\"text\", .*\| .*\"text\", \"delta\", ",  # completions end with an empty text
    )
)


@pytest.fixture(scope="module")
def asked(chat_model: str, rust_binary: RustBinary) -> list[tuple[Request, bytes]]:
    """Requests that the Rust front answers, each with the body that makes the Python app answer the same."""
    facts = FrontFacts(".".join(rust_binary.version.split(".")[:2]), max_model_len=2048)
    found = [
        (request, NOT_COMPARED + request.body.lstrip(b" \n").removeprefix(b"{"))
        for request in chain(generated.requests(chat_model), generated.mixed(chat_model, REQUESTS, SEED))
        if (document := generated.document(request)) is not None
        and python_row(request.path, document, facts) is None
        and repeatable(document)
    ]
    assert len(found) > 300
    return random.Random(SEED).sample(found, min(REQUESTS, len(found)))


def repeatable(document: dict[str, Any]) -> bool:
    """Tell whether the same answer is to be expected twice."""
    return document.get("temperature") == 0 or isinstance(document.get("seed"), int)


def test_both_fronts_answer_alike(
    chat_url: str, asked: list[tuple[Request, bytes]], documents: Documents, told: list[str]
) -> None:
    with httpx.Client(base_url=chat_url, timeout=120) as client, ThreadPoolExecutor(AT_ONCE) as pool:

        def compared(pair: tuple[Request, bytes]) -> tuple[Answer, list[str]]:
            request, other = pair
            one = send(client, request.path, request.body)
            return one, list(unexpected(one, send(client, request.path, other)))

        answers = list(pool.map(compared, asked))
        # What stands in one batch touches each other in the last digits: what differs is asked again alone.
        again = [(pair[0].name, compared(pair)[1]) for pair, (_, found) in zip(asked, answers, strict=True) if found]
    assert [(name, found) for name, found in again if found] == []
    wrong = [
        (request.name, fault)
        for (request, _), (answer, _) in zip(asked, answers, strict=True)
        if request.path == CHAT and answer.status == 200 and b'data: {"error"' not in answer.body
        for fault in documents.check(Taken("POST", CHAT, 200, {"content-type": answer.content_type}, [answer.body]))
    ]
    assert wrong == []
    good = sum(answer.status == 200 for answer, _ in answers)
    told.append(f"both fronts of vLLM were asked {len(answers)} requests ({good} answered in full) and said the same")


def send(client: httpx.Client, path: str, body: bytes) -> Answer:
    """Return the answer to one request."""
    response = client.post(path, content=body, headers={"content-type": "application/json"})
    return Answer(response.status_code, response.headers.get("content-type", ""), response.content)


def unexpected(rust: Answer, python: Answer) -> Iterator[str]:
    """Yield the differences that are not known to be harmless."""
    for found in differences(python, rust):
        if not any(pattern.search(found) for pattern in HARMLESS):
            yield found
