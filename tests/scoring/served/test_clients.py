"""Every client against the same running servers; every answer checked against the official documents."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scoring.clients import CLIENTS, Outcome, Target
from tests.scoring.official_documents import Tape

FEATURES = ("chat", "stream", "tools", "json", "embeddings", "responses")
MODELS = ("SmolLM2", "random reasoning", "MiniLM")
ROWS = [
    pytest.param(client, feature, model, id=f"{client}-{feature}-{model}")
    for client, asks in CLIENTS.items()
    for feature in asks
    for model in MODELS
    if (feature == "embeddings") == (model == "MiniLM")
]


@pytest.fixture(scope="module")
def tape() -> Tape:
    """All the answers that the clients get."""
    return Tape()


@pytest.fixture(scope="module")
def targets(chat_url: str, chat_model: str, embedding_server: Any, tape: Tape) -> dict[str, Target]:
    """The models by what they are called here."""
    return {
        "SmolLM2": Target(chat_url, chat_model, tape),
        "random reasoning": Target(embedding_server.base_url, "random", tape),
        "MiniLM": Target(embedding_server.base_url, "minilm", tape),
    }


@pytest.fixture(scope="module")
def litellm() -> Iterator[Any]:
    """The module; it would fetch a list of prices when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        importlib.import_module("litellm.llms.custom_httpx.http_handler")
        yield importlib.import_module("litellm")


@pytest.fixture(scope="module")
def done() -> set[tuple[str, str, str]]:
    """What has worked."""
    return set()


def is_as_asked(feature: str, outcome: Outcome) -> bool:
    """Tell whether a model that can write has done what was asked."""
    if feature == "embeddings":
        return outcome.sizes == (384, 384)
    if feature == "tools":
        return outcome.tools == ("get_weather",)
    if feature == "json":
        return list(json.loads(outcome.text)) == ["city"]
    return "Paris" in outcome.text


@pytest.mark.parametrize(("client", "feature", "model"), ROWS)
def test_client(
    targets: dict[str, Target],
    litellm: Any,
    done: set[tuple[str, str, str]],
    client: str,
    feature: str,
    model: str,
) -> None:
    outcome = CLIENTS[client][feature](targets[model], litellm)
    # The random model's reasoning never ends, so that nothing binds it: that its answer is read is all there is.
    assert model == "random reasoning" or is_as_asked(feature, outcome), outcome
    done.add((client, feature, model))


def test_the_table_of_clients(done: set[tuple[str, str, str]], told: list[str]) -> None:
    if len(done) < len(ROWS):
        pytest.skip("only some of the clients were tried, or some have failed")
    told += table(done)
    assert {client for client, *_ in done} == CLIENTS.keys()


def test_every_answer_is_valid_by_the_official_documents(documents: Any, tape: Tape, told: list[str]) -> None:
    if not tape.taken:
        pytest.skip("no client was tried")
    for taken in tape.taken:
        documents.check(taken)
    azure = sum(taken.path in documents.azure_paths for taken in tape.taken)
    told.append(
        f"answers checked: {len(tape.taken)} ({azure} of Azure AI Model Inference, each by both api-versions;"
        f" {len(tape.taken) - azure} of OpenAI), violations: {len(documents.violations)}"
    )
    assert documents.violations == []


def table(done: set[tuple[str, str, str]]) -> list[str]:
    """Lay out who did what with which model: S SmolLM2, r the random reasoning model, M MiniLM."""
    lines = [f"  {'client':<22}" + "".join(f"{feature:<12}" for feature in FEATURES)]
    for client in CLIENTS:
        cells = ["".join(m[0] for m in MODELS if (client, f, m) in done) or "-" for f in FEATURES]
        lines.append(f"  {client:<22}" + "".join(f"{cell:<12}" for cell in cells))
    return [*lines, "  S SmolLM2, r random reasoning model, M MiniLM; - the client has none"]
