"""The input of a custom tool, read out of arguments that come in pieces."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.responses.tools.arguments import InputReader


def read(pieces: list[str], *, cut: bool = False) -> str:
    reader = InputReader()
    return "".join([*map(reader.feed, pieces), reader.finish(cut=cut)])


@st.composite
def split_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and its arguments in pieces."""
    text = draw(st.text(st.characters(codec="utf-8") | st.sampled_from('\\"😀{}\n'), max_size=30))
    arguments = json.dumps({"input": text}, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    places = sorted(draw(st.lists(st.integers(0, len(arguments)), max_size=6)))
    return text, [arguments[a:b] for a, b in zip([0, *places], [*places, len(arguments)], strict=True)]


@settings(deadline=None)
@given(split_texts())
def test_any_pieces_give_the_same_text(split: tuple[str, list[str]]) -> None:
    text, pieces = split
    assert read(pieces) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(r'{"input": "a\ud83d\ude00b"}', "a😀b", id="surrogate-pair"),
        pytest.param(r'{"input": "a\ud83db"}', "a\ufffdb", id="first-half"),
        pytest.param(r'{"input": "a\ude00b"}', "a\ufffdb", id="second-half"),
        pytest.param(r'{"input": "a\ud83d\u0041"}', "a\ufffdA", id="half-before-another"),
        pytest.param('{"input": "a\nb"}', "a\nb", id="bare-newline"),
        pytest.param('{"input": "a", "more": "b"}', "a", id="member-after"),
        pytest.param('{"more": 1, "input": "a"}', "a", id="member-before"),
        pytest.param('{"text": "a"}', "a", id="another-name"),
        pytest.param('"a"', "a", id="a-text"),
        pytest.param('{"input": {"a": 1}}', '{"input": {"a": 1}}', id="no-text"),
        pytest.param("ls -l", "ls -l", id="no-json"),
        pytest.param("{}", "{}", id="no-member"),
    ],
)
def test_every_form_gives_a_text(arguments: str, text: str) -> None:
    assert read([arguments]) == read(list(arguments)) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param('{"inp', "", id="in-the-name"),
        pytest.param('{"input": "ab', "ab", id="in-the-text"),
        pytest.param('{"input": "ab\\', "ab", id="in-an-escape"),
        pytest.param('{"input": "ab\\u00', "ab", id="in-a-code"),
        pytest.param('{"input": "ab\\ud83d\\u', "ab", id="in-a-pair"),
    ],
)
def test_what_is_cut_gives_the_text_so_far(arguments: str, text: str) -> None:
    assert read([arguments], cut=True) == read(list(arguments), cut=True) == text
