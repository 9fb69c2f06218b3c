"""Answers 400 to bodies that vLLM falls over because it trusts a value's type, mostly in its request models.

For such a body (`"structured_outputs": true`) vLLM answers 500, with a line of Python.
"""

import json
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from scoring.json_checks import Fault, Schema, first_fault
from scoring.problems import Problem, openai_error

logger = logging.getLogger("scoring")

READS_BODIES = "request_body_to_args"  # FastAPI's function in which the models check a body
# What the validators trust: used to name the field of a body that has been refused already, not to refuse any.
TRUSTED: Schema = {
    "properties": {
        "messages": {
            "type": "array",
            "items": {"type": "object", "properties": {"tool_calls": {"type": ["array", "null"]}}},
        },
        "structured_outputs": {"type": ["object", "null"]},
        "tools": {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": {"function": {"type": ["object", "null"]}}},
        },
        "tool_choice": {"type": ["string", "object", "null"]},
    }
}

# What vLLM falls over later on, so that it must be refused before.
UNCHECKED: Schema = {
    "properties": {"vllm_xargs": {"properties": {"kv_transfer_params": {"type": ["object", "null"]}}}},
}


def check_unchecked(document: Mapping[str, Any]) -> None:
    """Refuse what vLLM would answer 500 to after it has begun."""
    fault = first_fault(document, UNCHECKED)
    if fault is not None:
        raise _as_problem(fault)


def install(app: Any) -> None:
    """Let vLLM's app tell such bodies from faults of its own."""
    from starlette.responses import JSONResponse  # it takes its time: not before we listen

    handlers = app.exception_handlers
    layer = _exception_layer(app)  # vLLM's app has built it, with the handlers that there were
    for kind in (AttributeError, LookupError, TypeError):
        vllms = handlers.get(kind) or handlers[Exception]

        async def answer(request: Any, error: Exception, vllms: Any = vllms) -> Any:
            if _has_passed(error.__traceback__, READS_BODIES):
                return JSONResponse(openai_error(_problem(await request.body())), 400)
            if not isinstance(error, TypeError):  # for which vLLM blames the client
                logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
            return await vllms(request, error)

        app.add_exception_handler(kind, answer)
        if layer is not None:
            layer.add_exception_handler(kind, answer)


def _exception_layer(app: Any) -> Any:
    layer = app.middleware_stack
    while type(layer).__name__ not in ("ExceptionMiddleware", "NoneType"):
        layer = getattr(layer, "app", None)
    return layer


def _problem(body: bytes) -> Problem:
    fault = first_fault(json.loads(body), TRUSTED)
    if fault is None:
        return Problem(400, "The body cannot be read: a value in it is missing, or of a wrong type.")
    return _as_problem(fault)


def _as_problem(fault: Fault) -> Problem:
    where = ".".join(fault.path)
    return Problem(400, f"{where} {fault.message}: {json.dumps(fault.value):.60}.", param=where)


def _has_passed(traceback: TracebackType | None, function: str) -> bool:
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name == function:
            return True
        traceback = traceback.tb_next
    return False
