"""Cuts every list that Resource Manager answers into pages, as Azure does: `nextLink`, `$skip`, `$top`, `count`."""

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from infra.emulator.errors import ServiceError

SIZES = ("$top", "count")
SKIP = "$skip"
WHOLE = ("locations/{}/vmsizes",)  # documented without nextLink
LARGEST = 2**31 - 1  # the documents say int32


def page(body: dict[str, Any], pattern: str, url: str, query: dict[str, str], largest: int) -> dict[str, Any]:
    """One page of a list, with the link to the next one; `query` has lower-case names, `largest` is the most items.

    Raises `ServiceError` (400) for sizes that are no numbers and for continuation tokens that were never given.
    """
    sizes = [_size(name, query[name]) for name in SIZES if name in query]
    start = _start(query[SKIP]) if SKIP in query else 0
    if pattern in WHOLE:
        return body
    items, size = body["value"], min([largest, *sizes])
    if start > len(items):
        start = len(items)  # what followed was deleted meanwhile
    end = start + size
    shown = {**body, "value": items[start:end]}
    if end < len(items):
        shown["nextLink"] = f"{url}?{urlencode({**query, SKIP: _token(end)})}"
    return shown


def _size(name: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) <= LARGEST:
        raise ServiceError(
            400, "InvalidQueryParameter", f"The value '{value}' of {name} is not a number from 1 to {LARGEST}."
        )
    return int(value)


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode()


def _start(token: str) -> int:
    try:
        word, _, position = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        word = position = ""
    if word != "after" or not position.isdecimal():
        raise ServiceError(400, "InvalidQueryParameter", f"The continuation token '{token}' of {SKIP} is not valid.")
    return int(position)
