"""One running engine of vLLM, with vLLM's own fronts before it: its Python app here, and its Rust front beside."""

import asyncio
import logging
from argparse import Namespace
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import cached_property
from typing import Any

from scoring.engine.adapters import adapter_names
from scoring.engine.fronts.metrics import merged, rust_families
from scoring.engine.fronts.orphans import stop_orphans
from scoring.engine.fronts.rust import Relayed, RustFront
from scoring.engine.fronts.table import FrontFacts
from scoring.engine.mending import mend_app, mend_client
from scoring.engine.modules import VllmModules, is_cpu_build
from scoring.engine.tracing import flush_traces
from scoring.engine.versions import installed_version

logger = logging.getLogger("scoring")

GENERATE = "generate"
EMBED = "embed"
EMBED_IMAGES = "embed images"  # our own word: vLLM says `embed` for a model that takes images too
NO_HOST = "no-host-is-allowed.invalid"


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
    """One running engine; vLLM's Python app answers for it, and its Rust front where that runs."""

    def __init__(
        self, vllm: VllmModules, parsed: Namespace, client: Any, rust: RustFront | None = None, without_rust: str = ""
    ) -> None:
        self._vllm = vllm
        self._parsed = parsed
        self._client = client
        self._lifespan = AsyncExitStack()
        self._python_steps = 0
        self.rust_process = rust
        self.without_rust = without_rust  # why there is no Rust front
        self.relayed = Relayed()
        self._rust_metrics: list[Any] = []
        self.app: Any = None
        self.tasks: tuple[str, ...] = ()
        self.embedding_size = 0  # numbers in a vector, known from the first one

    @property
    def names(self) -> list[str]:
        """The names this model answers to."""
        return list(self._parsed.served_model_name or [self._parsed.model])

    @property
    def adapters(self) -> list[str]:
        """The names that the model's fine-tuned adapters answer to."""
        return adapter_names(self._parsed)

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
    def rust(self) -> RustFront | None:
        """vLLM's Rust front, while it runs."""
        return self.rust_process if self.rust_process is not None and self.rust_process.alive else None

    @property
    def fronts(self) -> list[str]:
        """The fronts that answer for this engine."""
        return ["rust", "python"] if self.rust else ["python"]

    @cached_property
    def front_facts(self) -> FrontFacts:
        """What the choice of a front depends on besides the request."""
        return FrontFacts(
            version=".".join((installed_version() or "").split(".")[:2]),
            max_model_len=self.max_model_len,
            reasoning_parser=self._parsed.reasoning_parser or None,
            adapters=frozenset(self.adapters),
            multimodal=bool(self._client.model_config.is_multimodal_model),
        )

    def do_without_rust(self, reason: str) -> None:
        """Leave everything to the Python app."""
        self.without_rust = reason
        if self.rust_process is not None:
            self.rust_process.end()

    async def stop_orphans(self) -> None:
        """Abort the requests of a Rust front that has ended, see `fronts/orphans.py`; goes on until it is cancelled."""
        if self.rust_process is not None and not self.rust_process.closed:
            giving = self.rust_process.giving
            await stop_orphans(self._client.engine_core, giving.socket, giving.address)

    async def read_rust_metrics(self, seconds: float) -> None:
        """Have the Rust front tell what it has counted; where it does not in time, what it told last stays."""
        if (rust := self.rust) is None:
            return
        try:
            self._rust_metrics = await asyncio.wait_for(rust_families(rust.path), seconds)
        except (OSError, ValueError, TimeoutError) as error:
            logger.warning("[metrics] the Rust front does not tell its own: %s", error or "it takes too long")

    def with_rust_metrics(self, families: Iterable[Any]) -> Iterable[Any]:
        """Add what the Rust front told last to the Python front's families; what a dead one has counted stays."""
        return merged(families, self._rust_metrics, self._gauge) if self._rust_metrics else families

    def _gauge(self, python: float, rust: float) -> float:
        """Return the value of the front at work: vLLM sends what it has seen in a step to one that had an answer in it.

        Where both are, nobody knows which of them: the one that it does not tell may have stayed at none. Where neither
        is at work, one of them may have missed the last step: the lower value is the later one.
        """
        if self.rust is None:
            return python
        asked = self._client.output_processor.has_unfinished_requests()
        if self.relayed.waiting:
            return max(python, rust) if asked else rust
        return python if asked else min(python, rust)

    @property
    def steps(self) -> int:
        """A number that grows with each step whose outcome either front has seen."""
        return self._python_steps + self.relayed.pieces

    @property
    def busy(self) -> bool:
        """Whether requests wait for a step of the engine; those that only wait for their client do not count."""
        return self.relayed.waiting > 0 or bool(self._client.output_processor.has_unfinished_requests())

    def _count_step(self) -> None:
        self._python_steps += 1

    @property
    def dead(self) -> bool:
        """Whether the engine can no longer serve."""
        return bool(self._client.errored)

    async def open_app(self, on_death: Callable[[], None]) -> None:
        """Build vLLM's app for what this model can do, and enter its lifespan."""
        mend_client(self._vllm, self._client, self._count_step)
        await self._client.reset_mm_cache()
        self.tasks = tuple(await self._client.get_supported_tasks())
        self.app = await asyncio.to_thread(self._vllm.build_app, self._parsed, self.tasks, self._client.model_config)
        await self._vllm.init_app_state(self._client, self.app.state, self._parsed, self.tasks)
        mend_app(self._vllm, self.app)
        self.app.state.server = DeathSwitch(on_death)
        if EMBED in self.tasks and self._client.model_config.is_multimodal_model:
            self.tasks += (EMBED_IMAGES,)
        await self._lifespan.enter_async_context(self.app.router.lifespan_context(self.app))

    async def close(self) -> None:
        """Leave vLLM's lifespan and end the engine's processes."""
        await self._lifespan.aclose()
        if self.rust_process is not None:
            await asyncio.to_thread(self.rust_process.close)
        await asyncio.to_thread(flush_traces)
        await asyncio.to_thread(self._client.shutdown, timeout=0)
