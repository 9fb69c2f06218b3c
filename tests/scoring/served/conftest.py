"""The servers that many tests only talk to, each of them started once.

Starting vLLM takes half a minute, and each engine 2 GB: all the tests of this folder run in one worker, which
`tests/conftest.py` sees to. What talks to such a server has its place here.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.scoring import processes, redis_process, trace_collector
from tests.scoring.compliance import MODEL as SCRIPTED_MODEL
from tests.scripted_adapter import make_adapter
from tests.scripted_model import prepared_scripted
from tests.weights import prepared_clip, prepared_minilm

CHAT_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
KEY = "seals-what-agents-keep-in-these-tests"


@pytest.fixture(scope="session")
def chat_server(smollm2_weights: Path, rust_front: object) -> Iterator[processes.ScoringServer]:
    """A ready server on SmolLM2; it stays up for the whole session."""
    with processes.scoring_server(
        str(smollm2_weights),
        "--served-model-name", CHAT_MODEL,
        "--max-model-len", "2048",
        "--max-num-seqs", "8",
        "--chat-template", str(Path(__file__).parent / "chat_template.jinja"),
        "--enable-auto-tool-choice",
        "--tool-call-parser", "hermes",
        SCORING_RESPONSES_KEY=KEY,
    ) as server:  # fmt: skip
        server.while_loading = server.get("/health/ready")
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="session")
def chat_url(chat_server: processes.ScoringServer) -> str:
    """The base URL of the ready server, without a path."""
    return str(chat_server.base_url)


@pytest.fixture(scope="session")
def chat_model() -> str:
    """The name that the server serves SmolLM2 under."""
    return CHAT_MODEL


@pytest.fixture(scope="session")
def openai_client(chat_url: str) -> Iterator[OpenAI]:
    """The official client, aimed at the ready server."""
    with OpenAI(base_url=f"{chat_url}/v1", api_key="unused", max_retries=0, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def shared_store_url(request: pytest.FixtureRequest) -> str:
    """A store that several servers share; the memory of each where there can be no Redis server."""
    return str(request.getfixturevalue("redis_server").url) if redis_process.can_run() else "memory"


@pytest.fixture(scope="session")
def embedding_server(random_reasoning_weights: Path, shared_store_url: str) -> Iterator[processes.ScoringServer]:
    """A ready server with two engines: the random chat model `random`, and MiniLM as `minilm`."""
    weights = prepared_minilm(os.environ)
    key = {"SCORING_RESPONSES_KEY": KEY}
    with processes.two_engines(random_reasoning_weights, "minilm", weights, shared_store_url, **key) as one:
        yield one


@pytest.fixture(scope="session")
def scripted_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.ScoringServer]:
    """A ready server whose tiny model sees images, reasons if asked to, and always says the same; it has adapters."""
    template = str(Path(__file__).parent / "scripted_template.jinja")
    arguments = {**processes.RANDOM_CHAT, "served_model_name": SCRIPTED_MODEL, "chat_template": template}
    folder = tmp_path_factory.mktemp("adapters")
    adapters = [
        {"name": name, "path": str(make_adapter(folder / name, brief=name == "brief"))} for name in ("brief", "same")
    ]
    settings = {
        "SCORING_MODEL": str(prepared_scripted(os.environ)),
        "SCORING_ENGINE_ARGS": json.dumps(arguments),
        "SCORING_ADAPTERS": json.dumps(adapters),
        "SCORING_RESPONSES_KEY": KEY,
    }
    with processes.scoring_server(**settings) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="session")
def collector() -> Iterator[trace_collector.Collector]:
    """A collector of the spans that `image_server` sends."""
    with trace_collector.running_collector() as one:
        yield one


@pytest.fixture(scope="session")
def image_server(
    random_reasoning_weights: Path, shared_store_url: str, collector: trace_collector.Collector
) -> Iterator[processes.ScoringServer]:
    """A ready server with two engines: the random chat model `random`, and a random CLIP as `clip`; it is traced."""
    weights = prepared_clip(os.environ)
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with processes.two_engines(random_reasoning_weights, "clip", weights, shared_store_url, **traced) as one:
        yield one
