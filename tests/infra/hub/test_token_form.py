"""What lies around a token is trimmed or told, what is no token is named without being shown."""

import pytest

from infra.errors import AccessDenied
from infra.hub.access import Hub
from infra.hub.token_form import dirt_of, fault_of, trimmed
from scoring.errors import WeightsMissing
from scoring.weights.hub_token import hub_token

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
    pytest.param('HF_TOKEN="hf_assigned12345"', "name of a variable", id="a-line-of-a-.env-file"),
    pytest.param("export HF_TOKEN=hf_assigned12345", "name of a variable", id="an-export"),
    pytest.param("hf_xxx", "placeholder", id="placeholder-of-three-crosses"),
    pytest.param('{"token": "hf_assigned12345"}', "JSON document", id="json"),
    pytest.param("hf_comma12345,", "no token has", id="a-comma"),
    pytest.param("hf_a b", "2 words", id="two-words"),
    pytest.param("hf_a\nhf_b", "2 lines", id="two-lines"),
    pytest.param("hf_ab\u200bcd12345", "no token has", id="zero-width-space"),
    pytest.param("hf_ab\x1bcd12345", "no token has", id="escape"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_what_is_no_token_is_named_and_not_shown(text: str, words: str) -> None:
    fault = fault_of(trimmed(text))
    assert words in fault
    for part in ("quoted12345", "bearer12345", "assigned12345", "comma12345", "hf_"):
        assert part not in fault


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_a_container_refuses_it_too(text: str, words: str) -> None:
    with pytest.raises(WeightsMissing, match="is not a token: it ") as refused:
        hub_token({"HF_TOKEN": f"\ufeff{text}\r\n"})
    assert text not in f"{refused.value} {refused.value.hint}"


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


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("hf_abcdefghij1234", id="of-a-user"),
        pytest.param("api_org_abcdefghij1234", id="of-an-organization"),
        pytest.param("hf_oauth_eyJhbGciOiJFZERTQSJ9.eyJzY29wZSI6WyJyZWFkIl19.a-b_c", id="oauth"),
        pytest.param("eyJhbGciOiJFZERTQSJ9.eyJzY29wZSI6WyJyZWFkIl19.a-b_c", id="jwt"),
    ],
)
def test_what_is_a_token(token: str) -> None:
    assert fault_of(token) == ""
    assert hub_token({"HF_TOKEN": f" {token}\r\n"}) == token
