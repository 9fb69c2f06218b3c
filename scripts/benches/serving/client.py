"""Puts load on a server with vLLM's own load client, `vllm-rs bench serve`, and reads its JSON document."""

import json
import math
import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.load.summary import percentile
from serving.processes import die_with_parent, rust_program

CHAT = "/v1/chat/completions"
BEGUN = "starting main benchmark run"  # the line of its log after which it sends requests
SHARES = (50, 95, 99)
FEW = 0.02  # of all requests: how many at most the client is taken to have held back


class LoadFailed(SystemExit):
    """The client ended without a result, or requests failed."""


@dataclass(frozen=True)
class Load:
    """What is sent: `requests` in all, `concurrency` at a time or `rate` a second at random times.

    `prompt` and `tokens` are the lengths of prompts, of random words, and answers in tokens.
    """

    url: str
    tokenizer: Path
    requests: int
    concurrency: int | None = None
    rate: float | None = None
    prompt: int = 32
    tokens: int = 64
    stream: bool = True
    seed: int = 0
    model: str = "bench"
    path: str = CHAT
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Client:
    """The client's program; `folder` is for its documents and its cache."""

    folder: Path

    def start(self, load: Load) -> subprocess.Popen[str]:
        """Start the client, and return when it begins to send."""
        process = self._launch(load)
        assert process.stderr is not None  # noqa: S101
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if BEGUN in line:
                return process
        raise LoadFailed(_said(process.wait(), "".join(lines)))

    def run(self, load: Load) -> dict[str, Any]:
        """Send the whole load, and return the client's document."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        process = self._launch(load, "--save-result", "--save-detailed", "--result-filename", result.name)
        _, said = process.communicate()
        if process.returncode or not result.is_file():
            raise LoadFailed(_said(process.returncode, said))
        document: dict[str, Any] = json.loads(result.read_text())
        return document

    def _launch(self, load: Load, *more: str) -> subprocess.Popen[str]:
        cache = {"XDG_CACHE_HOME": str(self.folder), "NO_COLOR": "1"}  # where it notes tokenizers that it has checked
        return subprocess.Popen(
            [str(rust_program()), "bench", "serve", *_arguments(load), *more, "--result-dir", str(self.folder)],
            env={**os.environ, **cache},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )


def _arguments(load: Load) -> list[str]:
    words = [
        *("--base-url", load.url, "--endpoint", load.path, "--tokenizer", str(load.tokenizer)),
        *("--num-prompts", str(load.requests), "--seed", str(load.seed), "--no-steady-state", "--disable-tqdm"),
    ]
    if load.model:
        words += ["--model", load.model]
    if load.concurrency:
        words += ["--max-concurrency", str(load.concurrency)]
    if load.rate:
        words += ["--request-rate", str(load.rate)]
    words += ["--dataset-name", "random", "--random-input-len", str(load.prompt)]
    words += ["--random-output-len", str(load.tokens)]
    # It has no backend for whole chat answers; the one for embeddings of chats sends the same messages and takes any
    # document for the answer.
    body = load.body if load.stream else {"max_completion_tokens": load.tokens, **load.body}
    words += ["--backend", "openai-chat" if load.stream else "openai-embeddings-chat"]
    return words + (["--extra-body", json.dumps(body)] if body else [])


def _said(code: int, text: str) -> str:
    return f"the load client ended with {code}:\n{text[-2000:]}"


def first_error(document: dict[str, Any]) -> str:
    """Why requests failed: their number and the first one's error; empty if none did."""
    errors = [error for error in document["errors"] if error]
    return f"{document['failed']} of {document['num_prompts']} requests failed: {errors[0][:500]}" if errors else ""


def measures(document: dict[str, Any]) -> dict[str, float]:
    """Return the measures of one run: rates, and milliseconds to the first token, between pieces, to the end.

    The first piece of a stream has only the role. A front may send it early, so the first token is in the second.
    """
    done = [number for number, error in enumerate(document["errors"]) if not error]
    streams = [document["itls"][number] for number in done] if "itls" in document else []
    tokens = sum(document["output_lens"][number] for number in done) if streams else math.nan
    times = {"ttft": _waits(document) if streams else [], "gap": [gap for gaps in streams for gap in gaps[1:]]}
    times["latency"] = [document["latencies"][number] for number in done]
    row = {
        "requests_per_second": len(done) / document["duration"],
        "tokens_per_second": tokens / document["duration"],
        "pieces_per_token": sum(max(0, len(gaps) - 1) for gaps in streams) / tokens if tokens else math.nan,
        "errors": float(document["failed"]),
    }
    for name, seconds in times.items():
        row |= {f"{name}_p{share}": percentile(seconds, share / 100) * 1000 for share in SHARES}
    return row


def held_back(document: dict[str, Any]) -> int:
    """How many requests the client's own connection pool has held back, to all appearance.

    It does so to single requests, for as long as a whole answer takes. So these are the slowest ones, at most 2 % of
    all, where they waited longer than the next slower one by half of an answer's time and by half of its own wait.
    """
    waits = sorted(_waits(document))
    if len(waits) < 3:
        return 0
    ends = [latency for latency, error in zip(document["latencies"], document["errors"], strict=True) if not error]
    answer = statistics.median(ends) - (statistics.median(waits) if "itls" in document else 0)
    for held in range(max(1, int(len(waits) * FEW)), 0, -1):
        slower, next_slower = waits[-held], waits[-held - 1]
        if slower - next_slower > answer / 2 and slower > 1.5 * next_slower:
            return held
    return 0


def _waits(document: dict[str, Any]) -> list[float]:
    """Seconds to the first token of each stream; of whole answers to their end."""
    if "itls" not in document:
        return [latency for latency, error in zip(document["latencies"], document["errors"], strict=True) if not error]
    rows = zip(document["ttfts"], document["itls"], document["errors"], strict=True)
    return [first + (gaps[0] if gaps else 0) for first, gaps, error in rows if not error]
