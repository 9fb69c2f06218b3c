"""Our document beside the one that vLLM's own load client makes, both of the same server."""

import asyncio
import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.load.ask import Question
from infra.load.run import Pace, run
from infra.load.vllm_result import vllm_result
from tests.infra.load.conftest import ROLE, Handler, Told, text, usage

DATE = datetime(2026, 1, 16, 12, 30, 5, tzinfo=UTC)
REQUESTS, TOKENS = 12, 5
STEP = 0.02  # seconds


def paced(handler: Handler) -> None:
    """A stream with a role at once, and a token at every step."""
    handler.begin()
    handler.piece(ROLE)
    for number in range(TOKENS):
        handler.server.silence.wait(STEP)
        handler.piece(text(" token", "length" if number + 1 == TOKENS else None))
    handler.piece(usage(7, TOKENS))
    handler.piece("[DONE]")
    handler.end()


def ours(told: Told, pace: Pace, **limits: float) -> dict[str, Any]:
    done = run(told.client().ask, lambda _: Question("Hi", TOKENS), pace)
    return vllm_result(done, model="model", label="blue", date=DATE, limits=limits)


def vllms(told: Told, pace: Pace, goodput: dict[str, float]) -> dict[str, Any]:
    """What `vllm bench serve` measures, by its own function."""
    from vllm.benchmarks.datasets import SampleRequest
    from vllm.benchmarks.serve import TaskType, benchmark

    base = told.url.removesuffix("/v1")
    asked = benchmark(
        task_type=TaskType.GENERATION,
        endpoint_type="openai-chat",
        api_url=f"{base}/v1/chat/completions",
        base_url=base,
        model_id="model",
        model_name="model",
        tokenizer=object(),
        input_requests=[SampleRequest(prompt="Hi", prompt_len=1, expected_output_len=TOKENS)] * REQUESTS,
        logprobs=None,
        request_rate=pace.rate,
        burstiness=pace.burstiness,
        disable_tqdm=True,
        num_warmups=0,
        profile=False,
        selected_percentile_metrics=["ttft", "tpot", "itl", "e2el", "client_queue_time", "e2el_including_client_queue"],
        selected_percentiles=[50, 90, 95, 99],
        ignore_eos=False,
        goodput_config_dict=goodput,
        max_concurrency=pace.concurrency,
        lora_modules=None,
        extra_headers=None,
        extra_body=None,
    )
    document: dict[str, Any] = asyncio.run(asked)
    return document


PACES = [
    pytest.param(Pace(concurrency=3, requests=REQUESTS), id="closed"),
    pytest.param(Pace(rate=40.0, requests=REQUESTS), id="rate"),
    pytest.param(Pace(rate=40.0, concurrency=3, requests=REQUESTS), id="rate-and-limit"),
]
DETAILED = {"input_lens", "output_lens", "ttfts", "itls", "start_times", "generated_texts", "errors"}
HEAD = {
    *("date", "endpoint_type", "backend", "label", "model_id", "tokenizer_id", "num_prompts"),
    *("request_rate", "burstiness", "max_concurrency"),
}
COUNTED = ("completed", "failed", "total_input_tokens", "total_output_tokens", "rtfx")


@pytest.mark.parametrize("pace", PACES)
def test_fields_and_meaning_are_those_of_vllms_bench(told: Told, pace: Pace) -> None:
    told.always = paced
    theirs, mine = vllms(told, pace, {"ttft": 5000, "tpot": 5000}), ours(told, pace, ttft_p95=5.0, gap_p95=5.0)
    assert set(mine) - HEAD == set(theirs) - DETAILED
    assert {name: mine[name] for name in COUNTED} == {name: theirs[name] for name in COUNTED}
    assert mine["total_output_tokens"] == REQUESTS * TOKENS
    assert mine["request_goodput"] == pytest.approx(mine["request_throughput"])
    assert theirs["request_goodput"] == pytest.approx(theirs["request_throughput"])
    for name in ("latencies", "queue_times"):
        assert len(mine[name]) == len(theirs[name]) == REQUESTS
    for document in (mine, theirs):
        # The role counts as the first piece for vLLM, so that there is a gap more than tokens after the first.
        assert document["mean_tpot_ms"] == pytest.approx(document["mean_itl_ms"] * TOKENS / (TOKENS - 1))
        assert document["mean_e2el_ms"] == pytest.approx(
            document["mean_ttft_ms"] + document["mean_itl_ms"] * TOKENS, rel=0.01
        )
        assert document["output_throughput"] == pytest.approx(REQUESTS * TOKENS / document["duration"])


def test_the_head_is_what_vllm_saves() -> None:
    import vllm.benchmarks

    source = (Path(vllm.benchmarks.__file__).parent / "serve.py").read_text()
    written = set(re.findall(r'result_json\["(\w+)"\] =', source)) - {
        *("ramp_up_strategy", "ramp_up_start_rps", "ramp_up_end_rps"),
    }
    assert written == HEAD


def test_the_document(told: Told) -> None:
    told.always = paced
    told.scripts = [lambda handler: handler.refuse(429, {})]
    document = ours(told, Pace(requests=4), ttft_p95=0.0)
    assert document["date"] == "20260116-123005"
    assert (document["backend"], document["model_id"], document["label"]) == ("openai-chat", "model", "blue")
    assert (document["request_rate"], document["max_concurrency"], document["num_prompts"]) == ("inf", None, 4)
    assert (document["completed"], document["failed"], document["request_goodput"]) == (3, 1, 0.0)
    assert document["max_concurrent_requests"] == 3
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_a_run_in_which_all_failed(told: Told) -> None:
    told.always = lambda handler: handler.refuse(500, {})
    document = ours(told, Pace(rate=math.inf, concurrency=2, requests=4))
    assert (document["completed"], document["failed"]) == (0, 4)
    assert (document["mean_ttft_ms"], document["p99_itl_ms"], document["request_throughput"]) == (0.0, 0.0, 0.0)
    json.dumps(document, allow_nan=False)
