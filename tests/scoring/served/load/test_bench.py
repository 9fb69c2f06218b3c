"""`gatelift bench` against real servers: what it counts is what vLLM says."""

import math
from datetime import UTC, datetime

import pytest

from infra.load.ask import Client, Question
from infra.load.prompts import made_up
from infra.load.run import Pace, run
from infra.load.summary import summarize
from infra.load.vllm_result import vllm_result
from infra.operations.capacity.bench import place_at

TOKENS = 12


@pytest.fixture
def client(chat_url: str) -> Client:
    return place_at(f"{chat_url}/v1", "unused", "").client


def test_answers_of_an_exact_length(client: Client, chat_model: str) -> None:
    assert client.model == chat_model
    done = run(client.ask, made_up(20, TOKENS, exactly=True), Pace(concurrency=3, requests=6))
    found = summarize(done.samples, done.seconds)
    assert found.errors == ()
    assert [sample.tokens for sample in done.samples] == [TOKENS] * 6
    assert all(sample.prompt_tokens >= 20 for sample in done.samples)  # the words and the chat template
    assert not math.isnan(found.gap_p95)
    assert all(sample.ttft is not None and 0 < sample.ttft <= sample.seconds for sample in done.samples)


def test_what_the_server_refuses_is_told(client: Client) -> None:
    sample = client.ask(Question("word " * 5000, TOKENS))
    assert (sample.status, sample.tokens) == (400, 0)
    assert "2048" in sample.error  # the context length


def test_the_fields_of_vllms_bench_are_filled(client: Client) -> None:
    done = run(client.ask, made_up(20, TOKENS, exactly=True), Pace(rate=20.0, requests=4))
    document = vllm_result(done, model=client.model, label="", date=datetime.now(UTC), limits={})
    assert (document["completed"], document["total_output_tokens"]) == (4, 4 * TOKENS)
    assert document["total_input_tokens"] == sum(sample.prompt_tokens for sample in done.samples)
    for name in ("ttft", "tpot", "itl", "e2el"):
        assert 0 < document[f"median_{name}_ms"] <= document[f"p99_{name}_ms"]
