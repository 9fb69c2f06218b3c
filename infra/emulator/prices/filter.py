"""Reads the `$filter` of the Retail Prices API: comparisons of fields with text, joined by `and`, `or` and parentheses.

Values are case-sensitive, as from api-version 2023-01-01-preview on. Sources: "Azure Retail Prices overview" for the
fields that can be filtered by and for `contains`; OData 4.01 URL conventions for the rest.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

FIELDS = {
    "armRegionName": "armRegionName",
    "Location": "location",
    "location": "location",
    "meterId": "meterId",
    "meterName": "meterName",
    "productId": "productId",
    "productName": "productName",
    "skuId": "skuId",
    "skuName": "skuName",
    "serviceName": "serviceName",
    "serviceId": "serviceId",
    "serviceFamily": "serviceFamily",
    "priceType": "type",
    "armSkuName": "armSkuName",
}
"""What can be filtered by, and the field of a row that it is."""
TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z]+)|(?P<mark>[(),]))")
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": lambda value, part: value.startswith(part),
    "endswith": lambda value, part: value.endswith(part),
}
DEEPEST = 50
Row = Mapping[str, Any]
Test = Callable[[Row], bool]


class BadFilter(Exception):
    """The filter is not one; the message says why."""


def read_filter(text: str) -> Test:
    """What the filter asks of a row; raises `BadFilter`."""
    reader = _Reader(_tokens(text))
    test = reader.alternatives(0)
    if reader.left:
        raise BadFilter(f"unexpected {reader.left[0]!r}")
    return test


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        token = TOKEN.match(text, at)
        if token is None:
            raise BadFilter(f"unexpected {text[at:].strip()[:20]!r}")
        found.append(token.group().strip())
        at = token.end()
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens

    def alternatives(self, depth: int) -> Test:
        tests = [self._all(depth)]
        while self._follows("or"):
            tests.append(self._all(depth))
        return lambda row: any(test(row) for test in tests)

    def _all(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._follows("and"):
            tests.append(self._one(depth))
        return lambda row: all(test(row) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise BadFilter("it is nested too deeply")
        if self._follows("("):
            test = self.alternatives(depth + 1)
            self._expect(")")
            return test
        word = self._next()
        if word in FUNCTIONS:
            return self._function(FUNCTIONS[word])
        field, operator, value = _field(word), self._next(), _text(self._next())
        if operator == "eq":
            return lambda row: row.get(field) == value
        if operator == "ne":
            return lambda row: row.get(field) != value
        raise BadFilter(f"unknown operator {operator!r}")

    def _function(self, function: Callable[[str, str], bool]) -> Test:
        self._expect("(")
        field = _field(self._next())
        self._expect(",")
        part = _text(self._next())
        self._expect(")")
        return lambda row: function(str(row.get(field, "")), part)

    def _follows(self, token: str) -> bool:
        if self.left and self.left[0] == token:
            self.left = self.left[1:]
            return True
        return False

    def _next(self) -> str:
        if not self.left:
            raise BadFilter("it ends too early")
        token, self.left = self.left[0], self.left[1:]
        return token

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise BadFilter(f"{token!r} expected, not {found!r}")


def _field(word: str) -> str:
    if word not in FIELDS:
        raise BadFilter(f"there is no field {word!r}")
    return FIELDS[word]


def _text(token: str) -> str:
    if len(token) < 2 or not token.startswith("'"):
        raise BadFilter(f"text in quotes expected, not {token!r}")
    return token[1:-1].replace("''", "'")
