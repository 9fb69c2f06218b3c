"""What is done with `vllm serve`'s arguments once its parser has read them; vLLM's modules are stood in for."""

import json
from argparse import ArgumentParser, Namespace
from types import SimpleNamespace
from typing import Any

import pytest

from scoring.engine.arguments import NOT_DONE, parse_arguments
from scoring.errors import BadSettings


def add_options(parser: ArgumentParser) -> ArgumentParser:
    """Give a parser those of vLLM's options that are looked at."""
    parser.add_argument("model_tag", nargs="?")
    parser.add_argument("--api-key", nargs="+")
    for name in ("--dtype", "--ssl-keyfile", "--ssl-certfile", "--uds", "--root-path", "--otlp-traces-endpoint"):
        parser.add_argument(name)
    parser.add_argument("--allowed-origins", type=json.loads, default=[])
    parser.add_argument("--allowed-media-domains", nargs="*")
    parser.add_argument("--api-server-count", type=int)
    parser.add_argument("--load-format", default="auto")
    parser.add_argument("--max-num-queued-reqs", type=int)
    for name in ("--headless", "--enforce-eager", "--enable-chunked-prefill"):
        parser.add_argument(name, action="store_true", default=None)
    for name in ("--tool-parser-plugin", "--reasoning-parser-plugin", "--tool-call-parser", "--reasoning-parser"):
        parser.add_argument(name, default="")
    return parser


VLLM: Any = SimpleNamespace(
    argument_parser=ArgumentParser,
    make_arg_parser=add_options,
    validate_arguments=lambda parsed: None,
    tool_parsers=SimpleNamespace(list_registered=lambda: ["hermes"]),
    reasoning_parsers=SimpleNamespace(list_registered=lambda: ["qwen3"]),
)


def parse(*words: str) -> Namespace:
    return parse_arguments(VLLM, words)


def test_keys_are_ours_to_check() -> None:
    parsed = parse("m", "--api-key", "a", "b")
    assert (parsed.keys, parsed.api_key) == (["a", "b"], None)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        pytest.param(["--api-ke", "sekret"], "--api-ke", "lists them", id="abbreviation"),
        pytest.param(["--ssl-keyfile=k", "--ssl-certfile=c"], "--ssl-keyfile and --ssl-certfile", "TLS", id="tls"),
        pytest.param(["--uds", "/tmp/s"], "--uds", "--port", id="socket"),  # noqa: S108
        pytest.param(["--root-path", "/a"], "--root-path", "proxy", id="prefix"),
        pytest.param(["--allowed-origins", '["*"]'], "--allowed-origins", "preflight", id="origins"),
        pytest.param(["--tool-call-parser", "hermse"], "'hermse' is none of hermes", "lists them", id="tool-parser"),
        pytest.param(["--reasoning-parser", "q"], "'q' is none of qwen3", "lists them", id="reasoning-parser"),
        pytest.param(["--load-format", "tensorizer"], "needs the package tensorizer", "install it", id="loader"),
        pytest.param(["--headless"], "speak HTTP", "--headless", id="headless"),
    ],
)
def test_what_cannot_be_honoured_is_refused(words: list[str], message: str, hint: str) -> None:
    with pytest.raises(BadSettings, match=message) as caught:
        parse("m", *words)
    assert hint in caught.value.hint


def test_plain_arguments_are_taken() -> None:
    assert parse("m", "--dtype", "float32").model == "m"
    assert len({name for names in NOT_DONE.values() for name in names}) == sum(map(len, NOT_DONE.values()))
