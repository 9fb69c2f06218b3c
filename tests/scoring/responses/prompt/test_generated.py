"""Whatever a client sends is read or refused: with its place, in one line, without giving it all back."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.problems import Problem
from scoring.responses.prompt.chat import chat_request
from scoring.responses.request.item_types import TYPES
from scoring.responses.request.members import MEMBERS, OTHERWISE
from scoring.responses.request.parts import READERS, TEXTS
from scoring.responses.request.request import read_request
from tests.scoring.responses.prompt.conversations import SEALING

NAMES = st.sampled_from(
    [
        *("type", "id", "status", "role", "content", "call_id", "name", "arguments", "output", "input", "summary"),
        *("encrypted_content", "action", "commands", "command", "operation", "path", "diff", "text", "refusal"),
        *("image_url", "url", "detail", "file_data", "filename", "file_id", "input_audio", "data", "format"),
        *("server_label", "approval_request_id", "approve", "reason", "tools", "error", "annotations", "namespace"),
        *("schema", "strict", "effort", "verbosity", "stdout", "stderr", "outcome", "parameters", "video_url"),
    ]
)
WORDS = st.sampled_from(
    [
        *TYPES,
        *TEXTS,
        *READERS,
        *("user", "assistant", "system", "developer", "tool", "refusal", "c", "", "completed", "failed"),
        *("auto", "none", "required", "json_schema", "json_object", "function", "custom", "update_file", "x" * 5000),
        *("dGV4dA==", SEALING.seal("Hm."), SEALING.seal("[{}]"), SEALING.seal("[")),
    ]
)
LEAVES = st.one_of(WORDS, st.none(), st.booleans(), st.integers(-2, 70), st.floats(allow_nan=False))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=12,
)


def items_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return items of a type with all that it needs, mostly something else than that."""
    needed = dict.fromkeys(TYPES[kind].required, VALUES)
    others = st.dictionaries(
        st.sampled_from([*TYPES[kind].optional, "role", "content", "id", "call_id", "status"]), VALUES
    )
    return st.builds(lambda some, more: {**more, **some, "type": kind}, st.fixed_dictionaries(needed), others)


ITEMS = st.lists(st.sampled_from(list(TYPES)).flatmap(items_of), max_size=4)
DOCUMENTS = st.dictionaries(st.sampled_from([*MEMBERS, *OTHERWISE, "top_k"]), VALUES, max_size=3)


def check(document: dict[str, Any]) -> None:
    problem = refusal_of(document)
    if problem is not None:
        assert problem.status in (400, 404)
        assert "\n" not in problem.message
        assert len(problem.message) <= 600


def refusal_of(document: dict[str, Any]) -> Problem | None:
    try:
        request = read_request({"model": "m", **document}, "m", SEALING)
        json.dumps([chat_request(request, []), request.said])
    except Problem as problem:
        return problem
    return None


@given(ITEMS)
@settings(max_examples=300, deadline=None)
def test_generated_items_are_read_or_refused_with_400(items: list[dict[str, Any]]) -> None:
    check({"input": items})


@given(DOCUMENTS)
@settings(max_examples=300, deadline=None)
def test_generated_members_are_read_or_refused_with_400(document: dict[str, Any]) -> None:
    check({"input": "Hi", **document})
