"""Answers 400 to bodies that vLLM falls over because it trusts a value's type, mostly in its request models.

For such a body (`"structured_outputs": true`) vLLM answers 500, with a line of Python.
"""

import json
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from scoring.checks.json_checks import Fault, Schema, first_fault
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
# How Starlette begins the error that it raises where a stream has begun, so that an error's handler cannot answer.
TOO_LATE = "Caught handled exception"
CLIENT_ERROR = "VLLMClientError"


def check_unchecked(document: Mapping[str, Any]) -> None:
    """Refuse what vLLM would fall over when the request has been read."""
    extra = document.get("vllm_xargs")
    if isinstance(extra, dict) and extra.get("kv_transfer_params"):
        where = "vllm_xargs.kv_transfer_params"
        raise Problem(400, f"{where} must be left out: kv_transfer_params is a field of the body.", param=where)


def late_refusal(error: Exception) -> Problem | None:
    """Return the refusal that vLLM raised when its stream had begun; None for whatever else went wrong in it."""
    cause = error.__cause__
    if not (isinstance(error, RuntimeError) and str(error).startswith(TOO_LATE) and cause):
        return None
    refused = any(kind.__name__ == CLIENT_ERROR for kind in type(cause).__mro__)
    if type(cause) is not ValueError and not refused:  # a sub-class of ValueError is something that could not be read
        return None
    return Problem(400, str(cause)[:1000], param=getattr(cause, "parameter", None))


def install(app: Any) -> None:
    """Let vLLM's app tell such bodies from faults of its own."""
    from starlette.responses import JSONResponse  # it takes its time: not before we listen

    layer = _exception_layer(app)  # vLLM has built it already, with the handlers that there were
    if layer is None:
        logger.info("[body faults] off: this vLLM handles errors in a way that is not known here")
        return
    for kind in (AttributeError, LookupError, TypeError):
        vllms = app.exception_handlers.get(kind)

        async def answer(request: Any, error: Exception, vllms: Any = vllms) -> Any:
            if _has_passed(error.__traceback__, READS_BODIES):
                return JSONResponse(openai_error(_problem(await request.body())), 400)
            if vllms is None:
                raise error
            return await vllms(request, error)

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
