"""Where a token may come from, in which order, and what is no token."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.input.token import TokenMissing, checked, token_if_given, token_if_needed, token_wanted
from infra.errors import GateliftError


def descriptor(text: str) -> int:
    """A descriptor that delivers the text; whoever reads it closes it."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


def test_the_descriptor_comes_before_the_environment() -> None:
    assert token_if_given(descriptor("hf_fd\n"), {"HF_TOKEN": "hf_env"}) == "hf_fd"
    assert token_if_given(None, {"HF_TOKEN": " hf_env\n"}) == "hf_env"
    assert token_if_given(None, {"HF_TOKEN": " "}) is None
    assert token_if_given(None, {}) is None


@pytest.mark.parametrize("number", [987, -1])
def test_a_descriptor_that_is_not_open_is_said(number: int) -> None:
    with pytest.raises(TokenMissing, match=f"file descriptor {number} cannot be read"):
        token_if_given(number, {})


def test_a_token_that_may_not_be_needed_is_refused_only_where_it_was_given_for_this_command() -> None:
    assert token_if_needed(None, {"HF_TOKEN": " <your-token>\n"}) == "<your-token>"
    assert token_if_needed(None, {"HF_TOKEN": "\ufeff \r\n"}) is None
    with pytest.raises(TokenMissing, match="placeholder"):
        token_if_needed(descriptor("<your-token>"), {})


@pytest.mark.parametrize("content", [pytest.param("hf_wide".encode("utf-16"), id="utf-16"), b"\xff\xfe\xfa"])
def test_what_is_no_text_is_refused(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    with pytest.raises(TokenMissing, match="cannot be read"):
        token_if_given(reader, {})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    with pytest.raises(TokenMissing, match="is not text"):
        token_wanted(None, "-", {})


@pytest.mark.parametrize(
    ("stdin", "environ", "arguments", "where"),
    [
        pytest.param("hf_piped", {}, [], "", id="piped"),
        pytest.param("hf_piped", {}, ["-"], "", id="piped-and-said"),
        pytest.param("hf_piped", {"HF_TOKEN": "hf_env"}, [], "", id="piped-before-the-environment"),
        pytest.param("", {"HF_TOKEN": "hf_env"}, [], "", id="environment-when-nothing-is-piped"),
        pytest.param("", {}, [], "standard input is empty and HF_TOKEN is not set", id="nothing"),
        pytest.param("", {}, ["-"], "standard input contains no token", id="nothing-where-it-was-promised"),
        pytest.param("one two\nthree", {}, [], "2 lines", id="no-token"),
    ],
)
def test_the_token_of_token_set(
    gatelift: Callable, stdin: str, environ: dict[str, str], arguments: list[str], where: str
) -> None:
    answer = gatelift("token", "set", "none.yaml", *arguments, stdin=stdin, environ=environ)
    assert answer.code == 1
    assert (where or "none.yaml: no such file") in answer.stderr
    assert "one two" not in answer.stderr


def test_another_source_than_standard_input_is_refused_without_repeating_it() -> None:
    with pytest.raises(GateliftError) as refused:
        token_wanted(None, "opensesame", {})
    assert "opensesame" not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \n", id="blank"),
        pytest.param("hf_a hf_b", id="two-words"),
        pytest.param("hf_a\nhf_b", id="two-lines"),
        pytest.param("hf_ä", id="not-ascii"),
        pytest.param("hf_\x1b[2J", id="control-characters"),
    ],
)
def test_what_is_no_token_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(TokenMissing) as refused:
        checked(text, "HF_TOKEN")
    assert "HF_TOKEN" in str(refused.value)
    assert not text.strip() or text.strip() not in str(refused.value)


def test_a_token_elsewhere_is_named_where_one_is_missing(gatelift: Callable, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_elsewhere12345\n")
    environ = {"HUGGING_FACE_HUB_TOKEN": "hf_old1234567", "HF_TOKEN_PATH": str(tmp_path / "token")}
    answer = gatelift("token", "set", "none.yaml", stdin="", environ=environ)
    assert "`export HF_TOKEN=$HUGGING_FACE_HUB_TOKEN` uses it" in answer.stderr
    assert f"`export HF_TOKEN=$(cat {tmp_path}/token)` uses it" in answer.stderr
    assert "1234" not in answer.stdout + answer.stderr.replace(str(tmp_path), "")


@pytest.mark.parametrize("text", ['"hf_quoted12345"', "Bearer hf_bearer12345", "${HF_TOKEN}", "<your-token>"])
def test_no_command_takes_or_shows_what_is_no_token(gatelift: Callable, text: str) -> None:
    for answer in (
        gatelift("token", "set", "none.yaml", "-", stdin=text),
        gatelift("token", "rotate", "none.yaml", stdin="", environ={"HF_TOKEN": text}),
        gatelift("token", "verify", "none.yaml", "--output", "json", environ={"HF_TOKEN": text}),
    ):
        assert answer.code == 1
        assert "is not a token: it " in answer.stderr
        assert text not in answer.stdout + answer.stderr
