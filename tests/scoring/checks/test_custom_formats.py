"""Formats of custom tools: faults are found before an engine is asked, and texts are held against them."""

import pytest

from scoring.checks.custom_formats import fault_of, follows

PATCH = """start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?
hunk: "*** Add File: " filename LF add_line+
filename: /(.+)/
add_line: "+" /(.*)/ LF -> line
%import common.LF
"""
ADDED = "*** Begin Patch\n*** Add File: a.txt\n+hi\n*** End Patch"


@pytest.mark.parametrize(
    ("syntax", "definition", "words"),
    [
        pytest.param("regex", "[", "unclosed character class", id="regex"),
        pytest.param("regex", "(?=a)b", "look-around", id="look-ahead"),
        pytest.param("lark", "start: foo", "unknown name", id="name"),
        pytest.param("lark", 'start: "a', "", id="open-text"),
        pytest.param("lark", "start: " + "(" * 5000 + '"a"' + ")" * 5000, "nested", id="deep"),
    ],
)
def test_a_fault_is_named_in_one_line(syntax: str, definition: str, words: str) -> None:
    fault = fault_of(syntax, definition)
    assert fault
    assert words in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("syntax", "definition", "text", "fits"),
    [
        pytest.param("regex", "[0-9+]+", "1+2", True, id="regex"),
        pytest.param("regex", "[0-9+]+", "1+2 ", False, id="regex-and-more"),
        pytest.param("regex", "[0-9+]+", "", False, id="regex-nothing"),
        pytest.param("regex", "^a|é$", "é", True, id="anchors"),
        pytest.param("lark", PATCH, ADDED, True, id="lark"),
        pytest.param("lark", PATCH, ADDED + "\n", True, id="lark-optional"),
        pytest.param("lark", PATCH, ADDED.replace("+hi", "hi"), False, id="lark-line"),
        pytest.param("lark", PATCH, ADDED.partition("*** End")[0], False, id="lark-cut"),
    ],
)
def test_a_whole_text_is_held_against_a_format(syntax: str, definition: str, text: str, *, fits: bool) -> None:
    assert fault_of(syntax, definition) == ""
    assert follows(syntax, definition, text) is fits
