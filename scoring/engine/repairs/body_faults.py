"""Answers 400 to bodies that vLLM falls over because it trusts a value's type, mostly in its request models.

For such a body (`"structured_outputs": true`) vLLM answers 500, with a line of Python.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from scoring.problems import Problem, openai_error

logger = logging.getLogger("scoring")

READS_BODIES = "request_body_to_args"  # FastAPI's function in which the models check a body
# What the validators trust of a body: used to name the field of one that has been refused already, not to refuse any.
TRUSTED = (
    ("messages", "an array"),
    ("messages.*", "an object"),
    ("messages.*.tool_calls", "an array or null"),
    ("structured_outputs", "an object or null"),
    ("tools", "an array or null"),
    ("tools.*", "an object"),
    ("tools.*.function", "an object or null"),
    ("tool_choice", "a string or an object or null"),
)
TYPES: dict[str, type] = {"an array": list, "an object": dict, "a string": str, "null": type(None)}
# How Starlette begins the error that it raises where a stream has begun, so that an error's handler cannot answer.
TOO_LATE = "Caught handled exception"
CLIENT_ERROR = "VLLMClientError"


def check_unchecked(document: Mapping[str, Any]) -> None:
    """Raise `Problem` (400) for what vLLM would fall over when it has read the request."""
    extra = document.get("vllm_xargs")
    if isinstance(extra, dict) and extra.get("kv_transfer_params"):
        where = "vllm_xargs.kv_transfer_params"
        raise Problem(400, f"{where} must be left out: kv_transfer_params is a field of the body.", param=where)


def late_refusal(error: Exception) -> Problem | None:
    """Return the refusal that vLLM raised when its stream had begun; None for whatever else went wrong in it."""
    cause = error.__cause__
    if not (isinstance(error, RuntimeError) and str(error).startswith(TOO_LATE) and cause):
        return None
    if not is_refusal(cause):
        return None
    return Problem(400, str(cause)[:1000], param=getattr(cause, "parameter", None))


def is_refusal(error: BaseException) -> bool:
    """Tell whether vLLM raised this for a mistake in a request."""
    if type(error) is ValueError:  # a sub-class of it is something that could not be read
        return True
    return any(kind.__name__ == CLIENT_ERROR for kind in type(error).__mro__)


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
    document = json.loads(body)
    for place, kinds in TRUSTED:
        types = tuple(TYPES[kind] for kind in kinds.split(" or "))
        for where, value in _values(document, place.split(".")):
            if not isinstance(value, types):
                return Problem(400, f"{where} must be {kinds}: {json.dumps(value):.60}.", param=where)
    return Problem(400, "The body cannot be read: a value in it is missing, or of a wrong type.")


def _values(node: Any, names: Sequence[str], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what lies at a place, with the place; `*` is each item of a list."""
    if not names:
        yield above[1:], node
    elif names[0] == "*" and isinstance(node, list):
        for position, item in enumerate(node):
            yield from _values(item, names[1:], f"{above}.{position}")
    elif isinstance(node, dict) and names[0] in node:
        yield from _values(node[names[0]], names[1:], f"{above}.{names[0]}")


def _has_passed(traceback: TracebackType | None, function: str) -> bool:
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name == function:
            return True
        traceback = traceback.tb_next
    return False
