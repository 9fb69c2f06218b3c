"""A run as the document that `vllm bench serve --save-result` of vLLM 0.32 writes, so that results compare.

Source: vllm/benchmarks/serve.py and vllm/benchmarks/lib/endpoint_request_func.py (backend openai-chat). Its first
token is the first piece with a choice, which may hold the role alone; `Summary` counts from the first text.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from infra.load.ask import Sample
from infra.load.run import Run
from infra.load.summary import percentile

BACKEND = "openai-chat"
PERCENTILES = (50, 90, 95, 99)
MEASURED = {"ttft": "ttft", "gap": "tpot", "seconds": "e2el"}
"""Our objectives' first word, and vLLM's word for what one request has to keep."""


def vllm_result(run: Run, *, model: str, label: str, date: datetime, limits: Mapping[str, float]) -> dict[str, Any]:
    """The document; `limits` are objectives (`read_slo`), which here each single request has to keep (`goodput`)."""
    pace, done = run.pace, [sample for sample in run.samples if not sample.failed]
    tokens_in, tokens_out = sum(each.prompt_tokens for each in done), sum(each.tokens for each in done)
    per_token, at_once = _peaks(done)
    good = _good(done, limits)
    document = {
        "date": date.strftime("%Y%m%d-%H%M%S"),
        "endpoint_type": BACKEND,
        "backend": BACKEND,
        "label": label or None,
        "model_id": model,
        "tokenizer_id": None,
        "num_prompts": len(run.samples),
        "request_rate": "inf" if math.isinf(pace.rate) else pace.rate,
        "burstiness": pace.burstiness,
        "max_concurrency": pace.concurrency,
        "duration": run.seconds,
        "completed": len(done),
        "failed": len(run.samples) - len(done),
        "total_input_tokens": tokens_in,
        "total_output_tokens": tokens_out,
        "request_throughput": len(done) / run.seconds,
        "request_goodput": None if good is None else good / run.seconds,
        "output_throughput": tokens_out / run.seconds,
        "total_token_throughput": (tokens_in + tokens_out) / run.seconds,
        "latencies": [sample.seconds for sample in run.samples],
        "queue_times": list(run.waits),
        "max_output_tokens_per_s": per_token,
        "max_concurrent_requests": at_once,
        "rtfx": 0.0,
    }
    document |= _statistics("ttft", [ttft(sample) for sample in done])
    document |= _statistics("tpot", [tpot(sample) for sample in done if sample.tokens > 1])
    document |= _statistics("itl", [gap for sample in done for gap in itl(sample)])
    document |= _statistics("e2el", [sample.seconds for sample in done])
    if pace.concurrency is not None:
        waits = [wait for wait, sample in zip(run.waits, run.samples, strict=True) if not sample.failed]
        document |= _statistics("client_queue_time", waits)
        if not math.isinf(pace.rate):
            whole = [wait + sample.seconds for wait, sample in zip(waits, done, strict=True)]
            document |= _statistics("e2el_including_client_queue", whole)
    return document


def ttft(sample: Sample) -> float:
    """Seconds to the first piece, as vLLM's bench counts them."""
    return sample.pieces[0]


def itl(sample: Sample) -> list[float]:
    """Seconds between the pieces, as vLLM's bench counts them."""
    return [later - earlier for earlier, later in pairwise(sample.pieces)]


def tpot(sample: Sample) -> float:
    """Seconds for each token after the first; 0 for an answer of one token."""
    return (sample.seconds - ttft(sample)) / (sample.tokens - 1) if sample.tokens > 1 else 0.0


def _statistics(name: str, values: Sequence[float]) -> dict[str, float]:
    """Mean, median, deviation and percentiles in ms; 0 where there are no values, as vLLM has it."""
    known = values or [0.0]
    document = {
        f"mean_{name}_ms": statistics.fmean(known) * 1000,
        f"median_{name}_ms": percentile(known, 0.5) * 1000,
        f"std_{name}_ms": statistics.pstdev(known) * 1000,
    }
    return document | {f"p{share}_{name}_ms": percentile(known, share / 100) * 1000 for share in PERCENTILES}


def _good(done: Sequence[Sample], limits: Mapping[str, float]) -> int | None:
    """How many answers keep every limit by themselves; None without a limit of that kind."""
    single = [(MEASURED[name.split("_")[0]], limit) for name, limit in limits.items() if name.split("_")[0] in MEASURED]
    if not single:
        return None
    seen = [{"ttft": ttft(sample), "tpot": tpot(sample), "e2el": sample.seconds} for sample in done]
    return sum(all(each[name] <= limit for name, limit in single) for each in seen)


def _peaks(done: Sequence[Sample]) -> tuple[float, int]:
    """The most pieces in a second, and the most requests that were under way in one, in seconds from the first."""
    if not done:
        return 0.0, 0
    first = min(sample.began for sample in done)
    length = math.ceil(max(sample.began + sample.seconds for sample in done) - first) + 1
    pieces, under_way = [0] * length, [0] * length
    for sample in done:
        begun = sample.began - first
        for piece in sample.pieces:
            pieces[int(begun + piece)] += 1
        for second in range(int(begun), int(begun + sample.seconds) + 1):
            under_way[second] += 1
    return float(max(pieces)), max(under_way)
