"""Resource Manager's own checks of a request's body, before a provider sees it."""

import json
from typing import Any

from infra.emulator.errors import ServiceError

MAX_DEPTH = 64
JSON = "application/json"


def parse_body(raw: bytes, content_type: str) -> Any:
    """The parsed body, None for an empty one; 400 and 415 as in Resource Manager."""
    if not raw:
        return None
    media = content_type.partition(";")[0].strip()
    if media and media.lower() != JSON:
        message = f"The content media type '{media}' is not supported. Only '{JSON}' is supported."
        raise ServiceError(415, "UnsupportedMediaType", message)
    try:
        body = json.loads(raw)
        too_deep = _is_deeper(body, MAX_DEPTH)
    except ValueError as error:
        raise _invalid(str(error)) from None
    except RecursionError:
        too_deep = True
    if too_deep:
        raise _invalid(f"The reader's MaxDepth of {MAX_DEPTH} has been exceeded.")
    return body


def check_envelope(body: Any) -> None:
    """400 where a field that all resources share has the wrong type."""
    for name, kind, words in (("location", str, "System.String"), ("properties", dict, "System.Object")):
        value = body.get(name) if isinstance(body, dict) else None
        if value is not None and not isinstance(value, kind):
            raise _invalid(f"Error converting value {json.dumps(value)} to type '{words}'. Path '{name}'.")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)


def _invalid(why: str) -> ServiceError:
    message = f"The request content was invalid and could not be deserialized: '{why}'."
    return ServiceError(400, "InvalidRequestContent", message)
