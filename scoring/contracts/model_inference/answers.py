"""Answers and errors in the shape of the Azure AI Model Inference API."""

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from scoring.asgi import Message, RewrittenAnswer, Send, send_json
from scoring.problems import Problem

# Structure only: inside of a JSON string every quotation mark is escaped, so these never match a model's text.
NULL_MEMBERS = re.compile(rb',"(?!finish_reason")\w+":null|(?<=\{)"(?!finish_reason")\w+":null,?')
RENAMED = (
    (b'"object":"chat.completion.chunk"', b'"object":"chat.completion"'),
    (b'{"reasoning":', b'{"reasoning_content":'),
    (b',"reasoning":', b',"reasoning_content":'),
)
# How vLLM's own errors and pydantic's end, where they tell of the value at fault.
VALUE = re.compile(r"\(parameter=[^,()]*, value=(.*)\)$|'input': '([^']*)'", re.DOTALL)
REQUIRED_NULLS = {"content", "finish_reason"}
EVENT_END = b"\n\n"


def error_body(problem: Problem) -> dict[str, Any]:
    """Return the nested error object with the reference's flat fields beside it."""
    error: dict[str, Any] = {
        "code": problem.code,
        "message": problem.message,
        "target": problem.param or "",
        "details": [{"code": problem.code, "message": name, "target": name} for name in _extras(problem)],
        "innererror": {"code": problem.code},
    }
    flat: dict[str, Any] = {"status": problem.status, "code": problem.code, "message": problem.message}
    if problem.details and "loc" in problem.details:
        flat["detail"] = problem.details
    if problem.status == 400:
        flat["param"] = problem.param or ""
    return {"error": error, **flat}


def _extras(problem: Problem) -> list[str]:
    return list((problem.details or {}).get("extra", ()))


def error_headers(problem: Problem) -> list[tuple[bytes, bytes]]:
    """Return the headers of an error: its code, and what the problem itself asks for."""
    return [(b"x-ms-error-code", problem.code.encode("latin-1", "replace")), *problem.headers]


def error_event(problem: Problem, model: str) -> bytes:
    """Return the event that ends a broken stream: an update that says so, since clients skip what has no choices."""
    update = {
        "id": "error",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "finish_reason": "error", "delta": {}}],
        "error": error_body(problem)["error"],
    }
    return f"data: {json.dumps(update)}\n\n".encode()


def problem_of_vllm(status: int, body: bytes) -> Problem:
    """Read vLLM's error; what it refuses after our own checks is content that this model cannot process.

    `status` is that of the answer, 500 in a stream; an error that names its own has that.
    """
    try:
        error = json.loads(body)["error"]
        message, param = str(error["message"]), error.get("param")
        status = HTTPStatus(error.get("code") or status).value
    except (ValueError, KeyError, TypeError):
        message, param = body.decode(errors="replace")[:300], None
    status = 422 if status in (400, 501) else status
    where = str(param or "").removeprefix("body.")  # FastAPI's own places begin with it
    found = VALUE.search(message)
    value = next(group for group in found.groups() if group is not None)[:200] if found else ""
    details = {"loc": ["body", *(where.split(".") if where else [])], "value": value} if status == 422 else None
    return Problem(status, message, param=where or None, details=details)


class AnswerWriter(RewrittenAnswer):
    """`send` for one request: rewrites vLLM's answer, whole if it is JSON, by bytes if it streams."""

    def __init__(self, send: Send, model: str, convert: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(send)
        self._model = model
        self._convert = convert

    def events(self, events: bytes) -> bytes:
        """Return events without null members, comments and vLLM's own names."""
        if b'data: {"error"' in events or events.startswith(b":") or b"\n:" in events:
            return b"".join([self._rare_event(event) for event in events.split(EVENT_END) if event])
        for old, new in RENAMED:
            events = events.replace(old, new)
        if events.count(b":null") == events.count(b'"finish_reason":null'):
            return events  # as nearly always: there is none to leave out
        return NULL_MEMBERS.sub(b"", events)

    def _rare_event(self, event: bytes) -> bytes:
        if event.startswith(b'data: {"error"'):
            return error_event(problem_of_vllm(500, event[len(b"data: ") :]), self._model)
        if event.startswith(b":"):
            return b""  # keep-alive comments: this API's clients refuse any line but `data:`
        return self.events(event + EVENT_END)

    async def whole(self, start: Message, body: bytes) -> None:
        """Send an answer converted, or an error in this API's words."""
        if start["status"] != 200:
            problem = problem_of_vllm(start["status"], body)
            await send_json(self._send, problem.status, error_body(problem), error_headers(problem))
        else:
            await send_json(self._send, 200, self._convert(json.loads(body)))


def chat_completion(answer: dict[str, Any]) -> dict[str, Any]:
    """Return vLLM's chat completion without null members, with `reasoning_content` and whole usage details."""
    for choice in answer["choices"]:
        message = choice["message"]
        message["reasoning_content"] = message.pop("reasoning", None)
        if not message.get("tool_calls"):
            message.pop("tool_calls", None)
        choice["message"] = {k: v for k, v in message.items() if v is not None or k == "content"}
        choice["message"].setdefault("content", None)
    answer["choices"] = [_filled(choice) for choice in answer["choices"]]
    answer["usage"] = usage(answer["usage"])
    return _filled(answer)


def _filled(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None or name in REQUIRED_NULLS}


def usage(counted: dict[str, Any]) -> dict[str, Any]:
    """Complete vLLM's usage: a detail that is there must have every member."""
    completion = counted.get("completion_tokens_details")
    prompt = counted.get("prompt_tokens_details")
    whole = {name: counted.get(name) or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    if completion:
        whole["completion_tokens_details"] = {
            "audio_tokens": completion.get("audio_tokens") or 0,
            "reasoning_tokens": completion.get("reasoning_tokens") or 0,
            "total_tokens": whole["completion_tokens"],
        }
    if prompt:
        whole["prompt_tokens_details"] = {
            "audio_tokens": prompt.get("audio_tokens") or 0,
            "cached_tokens": prompt.get("cached_tokens") or 0,
        }
    return whole


def embeddings(answer: dict[str, Any]) -> dict[str, Any]:
    """Return vLLM's embeddings with the members that this API has."""
    data = [{name: item[name] for name in ("index", "object", "embedding")} for item in answer["data"]]
    counted = {name: answer["usage"].get(name) or 0 for name in ("prompt_tokens", "total_tokens")}
    return {"id": answer["id"], "object": "list", "model": answer["model"], "data": data, "usage": counted}
