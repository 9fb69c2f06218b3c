"""What lies around a token is trimmed or told, what is no token is named without being shown."""

from pathlib import Path

import pytest

from infra.errors import AccessDenied
from infra.hub.access import Hub
from infra.hub.token_form import dirt_of, fault_of, other_places, trimmed

FAULTS = [
    pytest.param('"hf_quoted12345"', "quotation marks", id="quotes"),
    pytest.param("'hf_quoted12345", "quotation marks", id="one-quote"),
    pytest.param("Bearer hf_bearer12345", "Bearer", id="bearer"),
    pytest.param("Authorization: Bearer hf_bearer12345", "Bearer", id="a-whole-header"),
    pytest.param("${HF_TOKEN}", "nobody has filled in", id="unexpanded"),
    pytest.param("$HF_TOKEN", "nobody has filled in", id="unexpanded-without-braces"),
    pytest.param("$(HF_TOKEN)", "nobody has filled in", id="unexpanded-in-azure-pipelines"),
    pytest.param("${{ secrets.HF_TOKEN }}", "nobody has filled in", id="unexpanded-in-github"),
    pytest.param("%HF_TOKEN%", "nobody has filled in", id="unexpanded-on-windows"),
    pytest.param("<your-token>", "placeholder", id="placeholder"),
    pytest.param("hf_xxxxxxxx", "placeholder", id="placeholder-of-crosses"),
    pytest.param("your_huggingface_token", "placeholder", id="placeholder-in-words"),
    pytest.param("hf_...", "placeholder", id="placeholder-of-dots"),
    pytest.param("HF_TOKEN=hf_assigned12345", "name of a variable", id="an-assignment"),
    pytest.param("hf_a b", "2 words", id="two-words"),
    pytest.param("hf_a\nhf_b", "2 words", id="two-lines"),
    pytest.param("hf_ab\u200bcd12345", "no token has", id="zero-width-space"),
    pytest.param("hf_ab\x1bcd12345", "no token has", id="escape"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_what_is_no_token_is_named_and_not_shown(text: str, words: str) -> None:
    fault = fault_of(trimmed(text))
    assert words in fault
    for part in ("quoted12345", "bearer12345", "assigned12345", "hf_"):
        assert part not in fault


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_the_hub_is_not_said_to_be_silent_about_what_was_never_sent(text: str, words: str) -> None:
    hub = Hub("http://127.0.0.1:9")
    for ask in (
        lambda: hub.token(text),
        lambda: hub.check_access("org/a", text),
    ):
        with pytest.raises(AccessDenied, match=words) as refused:
            ask()
        assert refused.value.code == "token_form"
        assert text not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    ("stored", "dirt"),
    [
        ("hf_clean12345", ""),
        ("hf_clean12345\n", "a line end after it"),
        ("hf_clean12345\r\n", "a line end after it"),
        ("\ufeffhf_clean12345", "a byte order mark before it"),
        (" hf_clean12345", "white space around it"),
        ("hf_clean12345\t ", "white space around it"),
    ],
)
def test_what_lies_around_a_token_is_trimmed_and_told(stored: str, dirt: str) -> None:
    assert (trimmed(stored), dirt_of(stored), fault_of(trimmed(stored))) == ("hf_clean12345", dirt, "")


def test_tokens_in_other_places_are_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_elsewhere1234\n")
    assert other_places({"HOME": str(tmp_path)}) == []
    assert other_places({"HF_HOME": str(tmp_path)}) == [f"{tmp_path}/token"]
    assert other_places({"HF_TOKEN_PATH": f"{tmp_path}/token", "HUGGING_FACE_HUB_TOKEN": "hf_old12345"}) == [
        "HUGGING_FACE_HUB_TOKEN",
        f"{tmp_path}/token",
    ]
