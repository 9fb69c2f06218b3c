"""Several engines in one process: how they are written down, and how their metrics come together."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from scoring.contracts.embeddings import EmbeddingFacts, embeddings_for_vllm, read_prompts
from scoring.contracts.model_inference.embedding_requests import images_for_vllm
from scoring.engine.metrics import EngineMetrics
from scoring.errors import BadSettings
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.service import Service


def test_each_engine_has_its_own_arguments() -> None:
    text = '[{"model": "a/chat", "revision": "main", "max_model_len": 64}, {"model": "b/e", "enforce_eager": true}]'
    settings = read_settings([], {"SCORING_ENGINES": text, "PORT": "7"})
    chat, embeddings = settings.each_engine()
    assert (chat.model, chat.revision, chat.arguments) == ("a/chat", "main", ("--max-model-len=64",))
    assert (embeddings.model, embeddings.revision, embeddings.arguments) == ("b/e", None, ("--enforce-eager",))
    assert chat.port == embeddings.port == 7


def test_one_engine_is_the_process_itself() -> None:
    settings = read_settings(["a/chat"], {"SCORING_ENGINES": '[{"model": "b/other"}]'})
    assert settings.each_engine() == [settings]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no-json"),
        pytest.param('{"model": "a/b"}', id="no-list"),
        pytest.param("[]", id="empty"),
        pytest.param('[{"model": "a/b"}, {"max_model_len": 1}]', id="no-model"),
        pytest.param('["a/b"]', id="no-object"),
        pytest.param('[{"model": "a/b", "revision": 1}]', id="revision-that-is-no-word"),
    ],
)
def test_a_wrong_list_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="SCORING_ENGINES"):
        read_settings([], {"SCORING_ENGINES": text})


def test_a_task_has_one_engine() -> None:
    service = Service(read_settings(["a/chat"], {}), Timeline())
    service.add(SimpleNamespace(tasks=("generate",), names=["a"], api_keys=("k",)))  # type: ignore[arg-type]
    service.add(SimpleNamespace(tasks=("embed", "token_embed"), names=["b"], api_keys=()))  # type: ignore[arg-type]
    with pytest.raises(BadSettings, match="two engines would embed"):
        service.add(SimpleNamespace(tasks=("embed",), names=["c"]))  # type: ignore[arg-type]
    assert service.api_keys == ("k",)  # an engine's own key guards the process


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """A registry like the one that vLLM registers its metrics in."""
    return CollectorRegistry()


def start_engine(registry: CollectorRegistry, model: str, value: int) -> None:
    """Register as vLLM does: what an earlier engine has registered goes first."""
    for collector in list(registry._collector_to_names):
        if getattr(collector, "_name", "").startswith("vllm:"):
            registry.unregister(collector)
    counter = Counter("vllm:tokens", "Tokens.", ["model_name"], registry=registry)
    counter.labels(model).inc(value)


def test_the_metrics_of_all_engines_are_seen_in_one_family(registry: CollectorRegistry) -> None:
    metrics = EngineMetrics(registry)
    for model, value in (("chat", 1), ("embeddings", 2)):
        start_engine(registry, model, value)
        metrics.keep()
    lines = generate_latest(registry).decode().splitlines()
    assert lines.count("# TYPE vllm:tokens_total counter") == 1
    assert 'vllm:tokens_total{model_name="chat"} 1.0' in lines
    assert 'vllm:tokens_total{model_name="embeddings"} 2.0' in lines


def test_prompts_are_read_by_input_type(tmp_path: Any) -> None:
    (tmp_path / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "passage"}'
    )
    assert read_prompts(str(tmp_path)) == {"query": "query: ", "document": "passage: ", "text": "passage: "}
    assert read_prompts(str(tmp_path / "missing")) == {}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"input": "a", "input_type": "query"}, {"input": "q: a"}, id="text"),
        pytest.param({"input": ["a", "b"], "input_type": "query"}, {"input": ["q: a", "q: b"]}, id="texts"),
        pytest.param({"input": [[1, 2]], "input_type": "query"}, {"input": [[1, 2]]}, id="tokens-are-left-alone"),
        pytest.param({"input": "a", "input_type": "document"}, {"input": "a"}, id="no-prompt-for-it"),
        pytest.param({"input": "a", "input_type": 7}, {"input": "a"}, id="no-word"),
        pytest.param({"input": "a"}, {"input": "a"}, id="no-type"),
    ],
)
def test_texts_begin_with_their_prompt(document: dict[str, Any], expected: dict[str, Any]) -> None:
    assert embeddings_for_vllm(document, EmbeddingFacts(4, {"query": "q: "})) == expected


def test_each_image_is_a_conversation_of_its_own() -> None:
    body = {
        "model": "m",
        "input_type": "text",
        "input": [{"image": "data:image/png;base64,AA"}, {"image": "data:image/png;base64,BB", "text": "words"}],
    }
    first, second = (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{name}"}} for name in ("AA", "BB")
    )
    assert images_for_vllm(body, EmbeddingFacts()) == {
        "model": "m",
        "messages": [
            [{"role": "user", "content": [first]}],
            [{"role": "user", "content": [second, {"type": "text", "text": "words"}]}],
        ],
    }
