"""The prompt of a small chat request, made where the request is read: without two trips to vLLM's thread.

vLLM fills in the chat template and tokenises in a thread, so that a long prompt holds nobody up. For a short one that
costs more than the work itself, and while the server is busy each trip waits for Python's lock: in a burst of requests
the first one then reaches the engine when the last one has been read. The functions called here are vLLM's own.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any

from scoring.source_hash import is_known

# vLLM's BaseRenderer.render_chat, render_chat_async, get_eos_token_id and its executor, by a hash of their source:
# 0.32.0.
KNOWN_RENDERERS = frozenset({"1bff0feaa36df8f1"})
MOST_BYTES = 4096  # of a request's body: tokenised in about a millisecond
# Templates that the request brings along are run by vLLM with a time limit; media are fetched and decoded.
OWN_WAY = frozenset({"chat_template", "media_io_kwargs", "mm_processor_kwargs"})
TEXT = frozenset({"type", "text"})

small: ContextVar[bool] = ContextVar("small", default=False)


def is_small(document: dict[str, Any], size: int) -> bool:
    """Tell whether the prompt of a chat request whose body has `size` bytes is made in no time."""
    if size > MOST_BYTES:
        return False
    switches = document.get("chat_template_kwargs") or {}
    plain = isinstance(switches, dict) and all(isinstance(value, bool | str) for value in switches.values())
    if not plain or OWN_WAY & (document.keys() | switches.keys()):
        return False
    messages = document.get("messages")
    return isinstance(messages, list) and all(_is_text(message) for message in messages)


def _is_text(message: Any) -> bool:
    """Whether it has nothing but text: vLLM fetches and decodes media before it asks whether the model takes any."""
    if not isinstance(message, dict):
        return False
    content = message.get("content")
    if content is None or isinstance(content, str):
        return True
    return isinstance(content, list) and all(
        isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text" and part.keys() <= TEXT)
        for part in content
    )


def install(renderer: Any) -> bool:
    """Let vLLM's renderer make small prompts at once, if its vLLM is known; tell whether it does now."""
    kind = type(renderer)

    def parts() -> tuple[Any, ...]:
        return kind.render_chat, kind.render_chat_async, kind.get_eos_token_id, type(renderer._executor)

    if not is_known("inline render", parts, KNOWN_RENDERERS) or renderer.model_config.is_multimodal_model:
        return False
    end = renderer.get_eos_token_id()
    renderer.render_chat_async = _render(renderer, _Pool(renderer._executor))
    renderer.get_eos_token_id = lambda: end  # vLLM looks it up in a tokenizer of its pool for every request
    return True


def _render(renderer: Any, pool: "_Pool") -> Callable[..., Any]:
    in_thread = renderer.render_chat_async

    async def render_chat_async(*arguments: Any, **named: Any) -> Any:
        if small.get() and not pool.busy:
            return renderer.render_chat(*arguments, **named)
        return await in_thread(*arguments, **named)

    return render_chat_async


class _Pool:
    """vLLM's threads for tokenising: what is not made there must not use the tokenizer at the same time."""

    def __init__(self, executor: Any) -> None:
        self._submit = executor.submit
        self._jobs: set[Future[Any]] = set()
        executor.submit = self.submit

    @property
    def busy(self) -> bool:
        """Whether anything is there to do."""
        return bool(self._jobs)

    def submit(self, *arguments: Any, **named: Any) -> Future[Any]:
        """Pass a job on, and remember it until it is done."""
        job: Future[Any] = self._submit(*arguments, **named)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job
