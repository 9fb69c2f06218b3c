"""How many tokens a chat request would be, by the engine's own template and tokenizer."""

from typing import Any

import msgspec

from scoring.asgi import call_app
from scoring.engine.client import VllmEngine
from scoring.problems import Problem

TOKENIZED = "/tokenize"
KEPT = ("model", "messages", "tools", "chat_template", "mm_processor_kwargs", "media_io_kwargs")
HANDED_ON = ("reasoning_effort", "documents")


async def count_tokens(engine: VllmEngine, chat: dict[str, Any]) -> int:
    """Return the tokens of a chat request's prompt, also where they are too many for the model.

    Raises `Problem` for what vLLM refuses.
    """
    status, body = await call_app(engine.app, "POST", TOKENIZED, msgspec.json.encode(_prompt_of(chat)))
    answer = msgspec.json.decode(body)
    if status != 200:
        raise Problem(status, answer["error"]["message"], param=answer["error"].get("param"))
    tokens: int = answer["count"]
    return tokens


def _prompt_of(chat: dict[str, Any]) -> dict[str, Any]:
    """Return what decides on the prompt; some members go to the template as vLLM's chat hands them on."""
    kept = {name: chat[name] for name in KEPT if name in chat}
    template = {name: chat[name] for name in HANDED_ON if name in chat}
    if "reasoning_effort" in chat:
        template["enable_thinking"] = chat["reasoning_effort"] != "none"
    given = chat.get("chat_template_kwargs") or {}
    return {**kept, "chat_template_kwargs": {**template, **given}} if template or given else kept
