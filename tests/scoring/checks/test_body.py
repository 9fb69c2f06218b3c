"""Bodies as they are read: as Python's own parser reads them, and never more of them than fits."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.checks.body import parse_body
from scoring.checks.structure import SLICE, check_structure
from scoring.problems import Problem
from scoring.settings.limits import Limits

LIMITS = Limits()
TEXTS = st.text() | st.sampled_from(["\\", '\\"', "{", "[,", "\u2028", "\ud800", "\udc00\ud800", "😀", "1" * 19])
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63) - 1, 1e308, -0.0])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
PARTS = st.sampled_from(
    ["true", "null", "NaN", "Infinity", "\\u", "d800", "dc00", "999", *'"\\{}[],:1-0.eE+ \n\x0b\x00\x7féa/\ufeff']
)


def as_read(body: bytes, limits: Limits = LIMITS) -> Any:
    try:
        return parse_body(body, limits)
    except Problem as problem:
        return problem.status, problem.message, problem.param


def as_python_reads(body: bytes) -> Any:
    """What the standard library makes of a body, with our rules for what is no JSON and cannot be sent."""

    def no_json(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        document = json.loads(body.decode(json.detect_encoding(body)), parse_constant=no_json)
    except ValueError as error:
        return 400, f"The body is not valid JSON: {error}.", None
    if not isinstance(document, dict):
        return 400, "The body must be a JSON object.", None
    return document


def equal(one: Any, other: Any) -> bool:
    """Whether both are the same, in their types and in the order of names, too."""
    return repr(one) == repr(other)


@settings(max_examples=500, deadline=None)
@given(value=st.dictionaries(TEXTS, VALUES, max_size=4), escaped=st.booleans(), encoding=st.sampled_from(
    ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"]))  # fmt: skip
def test_documents_are_read_as_python_reads_them(value: Any, escaped: bool, encoding: str) -> None:
    body = json.dumps(value, ensure_ascii=escaped).encode(encoding, "surrogatepass")
    found, wanted = as_read(body), as_python_reads(body)
    if isinstance(found, tuple) and found[0] == 422:  # what the engine cannot be sent: Python reads it
        assert any(words in found[1] for words in ("surrogate", "64 bits", "finite"))
    else:
        assert equal(found, wanted)


@settings(max_examples=1000, deadline=None)
@given(parts=st.lists(PARTS, max_size=12), wrapped=st.booleans())
def test_broken_texts_are_refused_in_pythons_words(parts: list[str], wrapped: bool) -> None:
    text = "".join(parts)
    body = (f'{{"a": {text}}}' if wrapped else text).encode()
    found, wanted = as_read(body), as_python_reads(body)
    assert equal(found, wanted) or (isinstance(found, tuple) and found[0] == 422 and isinstance(wanted, dict))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a": 1, "a": 2}', id="the-last-of-two"),
        pytest.param(b'{"a": -0}', id="minus-zero"),
        pytest.param(b'{"a": "\xff"}', id="no-utf-8"),
        pytest.param(b'{"\xed\xa0\x80": 1}', id="half-a-pair-in-bytes"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b'{"a": 1} x', id="more-behind"),
        pytest.param(rb'{"a": "\x41"}', id="unknown-escape"),
    ],
)
def test_body_is_read_as_python_reads_it(body: bytes) -> None:
    assert equal(as_read(body), as_python_reads(body))


def refused(body: bytes, limits: Limits) -> str:
    try:
        check_structure(body, limits)
    except Problem as problem:
        return f"{problem.status} {problem.message}"
    return ""


CODE = 'if (a[i] == \'{\') { s = "\\\\\\"{[,"; } // \\\n' * 30_000  # 1 MB of source code


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b'{"a": [' + b"{}," * 200_000 + b"{}]}", "MAX_JSON_CONTAINERS", id="objects"),
        pytest.param(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "MAX_JSON_CONTAINERS", id="lists-in-lists"),
        pytest.param(b'{"a": [' + b"1," * 1_100_000 + b"1]}", "MAX_JSON_VALUES", id="tokens"),
        pytest.param(b'{"a": ' + b'""' * 2_100_000 + b"}", "MAX_JSON_VALUES", id="texts-without-commas"),
        pytest.param(b'{"a": [' + b"100," * 900_000 + b"1]}", "", id="as-many-tokens-as-allowed"),
        pytest.param(json.dumps({"a": CODE}).encode(), "", id="source-code"),
        pytest.param(json.dumps({"a": CODE}).encode("utf-16"), "", id="source-code-in-utf-16"),
        pytest.param(('{"a": [' + "{}," * 200_000 + "{}]}").encode("utf-32"), "MAX_JSON_CONTAINERS", id="utf-32"),
        pytest.param(b'{"a": "' + b"\\" * 1_000_000 + b'{[,"}', "", id="backslashes"),
        pytest.param(b'{"a": "' + b"x" * (32 * 2**20) + b'"}', "", id="one-long-text"),
    ],
)
def test_what_a_body_holds_is_bounded(body: bytes, words: str) -> None:
    found = refused(body, LIMITS)
    assert words in found
    assert found.startswith("422" if words else "")
    assert bool(words) == bool(found)


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(["\\", '"', "{[,", "x", "\n"]), min_size=1, max_size=6),
    shift=st.integers(0, 8),
    more=st.integers(0, 3),
)
def test_strings_are_told_apart_across_slices(pieces: list[str], shift: int, more: int) -> None:
    text = "".join(pieces)
    padding = "y" * (SLICE - 8 - shift)
    document = {"a": [padding + text + '"{' * 200, [0] * 97 + [{}] * more]}
    containers = 3 + more
    body = json.dumps(document).encode()
    assert bool(refused(body, Limits(max_json_values=10_000, max_json_containers=5))) == (containers > 5)
