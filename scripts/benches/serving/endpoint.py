"""Sends a rising rate of requests to any OpenAI endpoint, until it misses its objectives."""

import argparse
import urllib.parse
from pathlib import Path
from typing import Any

from serving.about import say
from serving.client import CHAT, Client, Load, as_prompts, first_error, measures
from serving.matrix import tokenizer

DEFAULT_PROMPT = "Write a short story about a lighthouse keeper."


def add_endpoint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this mode."""
    add = parser.add_argument_group("any OpenAI endpoint; its key in OPENAI_API_KEY").add_argument
    add("--url", help="measure this endpoint instead, e.g. https://name.region.inference.ml.azure.com/v1")
    add("--model", default="", help="`model` of the requests (default: the endpoint's first one)")
    add("--prompt-file", type=Path, help='a prompt a line, or JSON lines with "prompt"')
    add("--rates", default="1,2,4,8,16", help="requests a second, one after the other (default 1,2,4,8,16)")
    add("--seconds", type=float, default=20, help="how long each rate is kept up (default 20)")
    add("--max-tokens", type=int, default=128, help="longest answer (default 128)")
    add("--slo", default="", help="stop at the first rate over one of these, e.g. ttft_p95=800,gap_p95=60")
    add("--client-arguments", default="", help="more arguments of `vllm-rs bench serve`, e.g. '--insecure'")


def run_endpoint(arguments: argparse.Namespace, client: Client) -> dict[str, Any]:
    """Send requests at each rate for some seconds; stop when an objective is missed or requests fail."""
    objectives = {name: float(value) for name, _, value in (p.partition("=") for p in arguments.slo.split(",") if p)}
    prompts = as_prompts(arguments.prompt_file.read_text() if arguments.prompt_file else DEFAULT_PROMPT, client.folder)
    steps: list[dict[str, Any]] = []
    for rate in (float(word) for word in arguments.rates.split(",")):
        document = client.run(_load(arguments, prompts, rate))
        row = measures(document)
        missed = [name for name, limit in objectives.items() if not row[name] <= limit]
        steps.append({"rate": rate, **row, "missed": missed, "first_error": first_error(document)})
        say(
            f"{rate:6.1f} req/s asked, {row['requests_per_second']:6.2f} done,"
            f" {row['tokens_per_second']:8.1f} tokens/s,"
            f" first token p50/p95/p99 {row['ttft_p50']:.0f}/{row['ttft_p95']:.0f}/{row['ttft_p99']:.0f} ms,"
            f" between pieces {row['gap_p50']:.1f}/{row['gap_p95']:.1f} ms, {row['errors']:.0f} errors"
            + (f", over: {', '.join(missed)}" if missed else "")
        )
        if row["errors"]:
            say(f"       {first_error(document)}")
        if missed or row["errors"]:
            break
    kept = [step["rate"] for step in steps if not step["missed"] and not step["errors"]]
    return {"url": arguments.url, "objectives": objectives, "steps": steps, "highest_rate": max(kept, default=None)}


def _load(arguments: argparse.Namespace, prompts: Path, rate: float) -> Load:
    url = urllib.parse.urlsplit(arguments.url)
    path = url.path.rstrip("/")
    return Load(
        url=f"{url.scheme}://{url.netloc}",
        tokenizer=tokenizer("smollm2"),  # only to count the tokens of prompts
        requests=max(1, round(rate * arguments.seconds)),
        rate=rate,
        tokens=arguments.max_tokens,
        model=arguments.model,
        path=path
        if path.endswith("/completions")
        else f"{path or CHAT.removesuffix('/chat/completions')}/chat/completions",
        prompts=prompts,
        more=tuple(arguments.client_arguments.split()),
    )
