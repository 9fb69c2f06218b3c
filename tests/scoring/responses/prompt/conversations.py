"""Items that clients send, and what a chat request makes of them."""

from typing import Any

from scoring.responses.prompt.chat import chat_request
from scoring.responses.prompt.sealing import SealedTexts
from scoring.responses.request.items import read_items
from scoring.responses.request.request import read_request

SEALING = SealedTexts(("a key of some length",))
USER = {"role": "user", "content": "u"}
PNG = "data:image/png;base64,iVBORw0KGgo="


def call(call_id: str, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def output(call_id: str, text: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def reasoning(**more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [], **more}


def called(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def returned(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def messages(*items: Any, sealing: SealedTexts | None = SEALING, context: Any = (), **members: Any) -> Any:
    request = read_request({"model": "m", "input": list(items), **members}, "m", sealing)
    return chat_request(request, read_items(list(context)))["messages"]


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


HM = {"content": [{"type": "reasoning_text", "text": "Hm."}]}
ASKED = {"role": "user", "content": "u"}
