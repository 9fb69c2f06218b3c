"""Sends a rising rate of requests to any OpenAI endpoint, until it misses its objectives."""

import argparse
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving.client import Plan
from serving.runs import run_client
from serving.statistics import summarise

DEFAULT_PROMPT = "Write a short story about a lighthouse keeper."


def add_endpoint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this mode."""
    group = parser.add_argument_group("any OpenAI endpoint")
    group.add_argument(
        "--url", help="measure this endpoint instead, e.g. https://name.region.inference.ml.azure.com/v1"
    )
    group.add_argument("--key", default="", help="its key, sent as a bearer token")
    group.add_argument("--model", default="", help="`model` of the requests")
    group.add_argument("--prompts", type=Path, help='a prompt a line, or JSON lines with "messages" or "prompt"')
    group.add_argument(
        "--rates", default="1,2,4,8,16", help="requests a second, one after the other (default 1,2,4,8,16)"
    )
    group.add_argument("--seconds", type=float, default=20, help="how long each rate is kept up (default 20)")
    group.add_argument("--max-tokens", type=int, default=128, help="longest answer (default 128)")
    group.add_argument(
        "--slo", default="", help="stop at the first rate over one of these, e.g. ttft_p95=800,gap_p95=60"
    )


def run_endpoint(arguments: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Send requests at each rate for some seconds; stop when an objective is missed or requests fail."""
    objectives = {name: float(value) for name, _, value in (p.partition("=") for p in arguments.slo.split(",") if p)}
    bodies = [json.dumps(body) for body in _bodies(arguments)]
    steps: list[dict[str, Any]] = []
    for rate in (float(word) for word in arguments.rates.split(",")):
        plan = _plan(arguments, bodies, rate)
        measured = run_client(plan)
        row = summarise(measured, 0, plan.requests, (0.0, 0.0))
        missed = [name for name, limit in objectives.items() if not row[name] <= limit]
        steps.append({"rate": rate, **row, "missed": missed, "first_error": measured["first_error"]})
        say(
            f"{rate:6.1f} req/s asked, {row['requests_per_second']:6.2f} done,"
            f" {row['tokens_per_second']:8.1f} tokens/s,"
            f" first token p50/p95/p99 {row['ttft_p50']:.0f}/{row['ttft_p95']:.0f}/{row['ttft_p99']:.0f} ms,"
            f" between tokens {row['gap_p50']:.1f}/{row['gap_p95']:.1f} ms, {row['errors']:.0f} errors"
            + (f", over: {', '.join(missed)}" if missed else "")
        )
        if measured["first_error"]:
            say(f"       {measured['first_error']}")
        if missed or row["errors"]:
            break
    kept = [step["rate"] for step in steps if not step["missed"] and not step["errors"]]
    say(f"highest rate within the objectives: {max(kept) if kept else 'none'}")
    return {"url": arguments.url, "objectives": objectives, "steps": steps, "highest_rate": max(kept, default=None)}


def _plan(arguments: argparse.Namespace, bodies: list[str], rate: float) -> Plan:
    url = urllib.parse.urlsplit(arguments.url)
    path = url.path.rstrip("/")
    tls = url.scheme == "https"
    return Plan(
        host=url.hostname or "127.0.0.1",
        port=url.port or (443 if tls else 80),
        path=path if path.endswith("/completions") else f"{path}/chat/completions",
        bodies=bodies,
        requests=max(1, round(rate * arguments.seconds)),
        rate=rate,
        tls=tls,
        headers={"authorization": f"Bearer {arguments.key}"} if arguments.key else {},
    )


def _bodies(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    prompts = (
        [_prompt(line) for line in arguments.prompts.read_text().splitlines() if line.strip()]
        if arguments.prompts
        else []
    )
    common: dict[str, Any] = {
        "max_tokens": arguments.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if arguments.model:
        common["model"] = arguments.model
    return [{"messages": messages, **common} for messages in prompts or [_prompt(DEFAULT_PROMPT)]]


def _prompt(line: str) -> list[dict[str, Any]]:
    if line.lstrip().startswith("{"):
        document = json.loads(line)
        if "messages" in document:
            return list(document["messages"])
        line = document["prompt"]
    return [{"role": "user", "content": line}]
