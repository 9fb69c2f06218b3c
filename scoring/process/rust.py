"""vLLM's Rust front in the life of a server: tried before the server is ready, and watched for its end."""

import asyncio
import json
import logging

from scoring.engine.client import GENERATE, VllmEngine
from scoring.engine.fronts.asking import ask_front
from scoring.engine.fronts.rust import RustFront
from scoring.engine.fronts.start import missing_rust

logger = logging.getLogger("scoring")

TOKEN_SECONDS = 60.0  # within which the Rust front has made a token, once the engine is up


async def settle_rust(engine: VllmEngine, wanted: str) -> None:
    """Have the Rust front make a token, too; where there is none, or none that can, say so and do without it.

    Raises EngineFailed where the settings insist on it.
    """
    if (rust := engine.rust_process) is not None:
        reason = await _unfit(rust, engine.names[0])
        if not reason:
            return
        engine.do_without_rust(reason)
    if wanted == "rust" and GENERATE in engine.tasks:
        raise missing_rust(engine.without_rust)
    if wanted == "auto" and GENERATE in engine.tasks:
        logger.info("[startup] vLLM's Python front answers alone: %s", engine.without_rust)


async def watch_rust(engine: VllmEngine) -> None:
    """When the Rust front has ended, say so and stop what it had asked for: from then on the Python front answers."""
    if (rust := engine.rust_process) is None:
        return
    await rust.ended()
    if not rust.ending:
        logger.error("[fronts] vllm-rs has %s; vLLM's Python front answers alone from now on", rust.why())
    await engine.stop_orphans()


async def _unfit(rust: RustFront, model: str) -> str:
    """Return why this front makes no token; nothing where it does."""
    ended = asyncio.ensure_future(rust.ended())
    asked = asyncio.ensure_future(_first_token(rust.path, model))
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED, timeout=TOKEN_SECONDS)
    reason = asked.result() if asked.done() else f"vllm-rs made no token within {TOKEN_SECONDS:.0f} s"
    if reason:
        await asyncio.wait({ended}, timeout=1)  # what it has said at its end is a better reason than a closed socket
    if not rust.alive:
        reason = f"vllm-rs has {rust.why()}"
    ended.cancel()
    asked.cancel()
    return reason


async def _first_token(path: str, model: str) -> str:
    body = json.dumps({"model": model, "prompt": "Hello", "max_tokens": 1}).encode()
    try:
        status, answer = await ask_front(path, "POST", "/v1/completions", body)
    except OSError as error:
        return f"vllm-rs does not answer: {error}"
    return "" if status == 200 else f"vllm-rs refused a first token ({status}): {answer[:200].decode(errors='replace')}"
