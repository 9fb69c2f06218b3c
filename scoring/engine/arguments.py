"""The arguments of `vllm serve`, read by vLLM's own parser and settled for our surface in front of vLLM's."""

import importlib.util
import os
from argparse import Namespace
from typing import Any, NoReturn

from scoring.engine.client import NO_HOST
from scoring.engine.modules import VllmModules, is_cpu_build
from scoring.engine.tracing import settle_traces
from scoring.errors import BadSettings
from scoring.settings.arguments import has_flag

# What `vllm serve` would do with these is done by no part of this server; passed over they would surprise.
NOT_DONE = {
    "Azure's front end ends TLS; elsewhere put a proxy that does so in front": (
        "ssl_keyfile",
        "ssl_certfile",
        "ssl_ca_certs",
        "enable_ssl_refresh",
        "ssl_cert_reqs",
        "ssl_ciphers",
    ),
    "it listens on one address and port: --host, --port": ("uds", "grpc_port"),
    "have the proxy in front take the prefix off the path": ("root_path",),
    "answer browsers of other origins by a proxy in front: no preflight is answered here": (
        "allowed_origins",
        "allowed_methods",
        "allowed_headers",
        "allow_credentials",
    ),
    "leave it out: /openapi.json lists the routes that are served": (
        "tokens_only",
        "enable_scale_out",
        "enable_tokenizer_info_endpoint",
        "enable_offline_docs",
    ),
    "leave it out: what the HTTP parser takes is fixed": ("h11_max_incomplete_event_size", "h11_max_header_count"),
}

# The package that each `load_format` of vLLM needs beside vLLM.
LOADERS = {
    "runai_streamer": "runai_model_streamer",
    "runai_streamer_sharded": "runai_model_streamer",
    "fastsafetensors": "fastsafetensors",
    "instanttensor": "instanttensor",
    "tensorizer": "tensorizer",
}
GPU_LOADERS = ("fastsafetensors", "instanttensor")


def parse_arguments(vllm: VllmModules, arguments: tuple[str, ...]) -> Namespace:
    """Read the arguments of `vllm serve` with vLLM's own parser, and refuse what this server cannot do."""
    # No abbreviations: what is read off the command line before vLLM is here must be all that there is.
    parser = vllm.make_arg_parser(_refusing(vllm.argument_parser)(prog="python -m scoring", allow_abbrev=False))
    try:
        parsed: Namespace = parser.parse_args(list(arguments))
        if getattr(parsed, "model_tag", None):
            parsed.model = parsed.model_tag
        vllm.validate_arguments(parsed)
        _load_plugins(vllm, parsed)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise BadSettings(f"vLLM's arguments: {error}", hint="`vllm serve --help=all` lists them") from error
    _refuse_what_is_not_done(parser, parsed)
    _check_loader(str(getattr(parsed, "load_format", "auto")))
    if parsed.headless or getattr(parsed, "grpc", False) or (parsed.api_server_count or 1) != 1:
        raise BadSettings(
            "this server chooses its own front ends, which speak HTTP",
            hint="leave out --headless, --grpc, --api-server-count",
        )
    # The key is checked by our surface, in front of every route; our own warm-up request carries none.
    parsed.keys, parsed.api_key = parsed.api_key, None
    if not parsed.allowed_media_domains:
        parsed.allowed_media_domains = [NO_HOST]  # vLLM takes an empty list for every host
    # Our surface refuses what is too much, with 429 before the body is read; vLLM would answer 503 after it.
    parsed.queued, parsed.max_num_queued_reqs = getattr(parsed, "max_num_queued_reqs", None), None
    if not has_flag(arguments, "--enable-prompt-tokens-details", "--no-enable-prompt-tokens-details"):
        parsed.enable_prompt_tokens_details = True  # else how much of a prompt was known already is told as none
    parsed.otlp_traces_endpoint = settle_traces(os.environ, parsed.otlp_traces_endpoint)
    if is_cpu_build():
        _settle_for_cpu(parsed, arguments)
    return parsed


def _refusing(parser: Any) -> Any:
    class Parser(parser):  # type: ignore[misc]
        def error(self, message: str) -> NoReturn:
            raise BadSettings(f"vLLM's arguments: {message}", hint="`vllm serve --help=all` lists them")

    return Parser


def _refuse_what_is_not_done(parser: Any, parsed: Namespace) -> None:
    for hint, names in NOT_DONE.items():
        given = [name for name in names if getattr(parsed, name, None) != parser.get_default(name)]
        if given:
            flags = " and ".join("--" + name.replace("_", "-") for name in given)
            raise BadSettings(f"vLLM's arguments: this server has no use for {flags}", hint=hint)


def _check_loader(load_format: str) -> None:
    """Raise `BadSettings` for a `load_format` whose package is not here: vLLM would say so once a model is fetched."""
    package = LOADERS.get(load_format)
    if package and importlib.util.find_spec(package) is None:
        raise BadSettings(
            f"load_format {load_format} needs the package {package.replace('_', '-')}, which is not here",
            hint="gatelift's image has runai-model-streamer and fastsafetensors; elsewhere install it with pip",
        )
    if load_format in GPU_LOADERS and is_cpu_build():
        raise BadSettings(
            f"load_format {load_format} reads into a GPU, and this is vLLM's CPU build", hint="leave it out"
        )


def _settle_for_cpu(parsed: Namespace, arguments: tuple[str, ...]) -> None:
    """Choose what a CPU needs where the user has not chosen."""
    if not has_flag(arguments, "--enforce-eager", "--no-enforce-eager"):
        parsed.enforce_eager = True  # compiling for a CPU takes a minute and a C++ compiler
    if not has_flag(arguments, "--dtype"):
        parsed.dtype = "float32"  # vLLM 0.32 answered nonsense in bfloat16 on the one CPU tried; why is not known
    if parsed.enable_chunked_prefill is None:
        # A seeded request whose prompt comes in chunks kills the engine: "CPU Generator does not use offset".
        parsed.enable_chunked_prefill = False


def _load_plugins(vllm: VllmModules, parsed: Namespace) -> None:
    if parsed.tool_parser_plugin:
        vllm.tool_parsers.import_tool_parser(parsed.tool_parser_plugin)
    if parsed.reasoning_parser_plugin:
        vllm.reasoning_parsers.import_reasoning_parser(parsed.reasoning_parser_plugin)
    known = vllm.tool_parsers.list_registered()
    if parsed.tool_call_parser and parsed.tool_call_parser not in known:
        raise KeyError(f"tool call parser {parsed.tool_call_parser!r} is none of {', '.join(sorted(known))}")
    known = vllm.reasoning_parsers.list_registered()
    if parsed.reasoning_parser and parsed.reasoning_parser not in known:
        raise KeyError(f"reasoning parser {parsed.reasoning_parser!r} is none of {', '.join(sorted(known))}")
