"""What clients keep for us: only a holder of the key reads it, and only what was sealed here is taken."""

import subprocess
import sys

import pytest

from scoring.errors import BadSettings
from scoring.responses.prompt.sealing import SealedTexts, sealed_texts
from scoring.settings.settings import read_settings

OLD, NEW = "the key of last month", "the key of this month"


@pytest.mark.parametrize("text", ["", "Hm.", "ä🙂" * 1000], ids=["nothing", "short", "long"])
def test_what_was_sealed_is_opened_again(text: str) -> None:
    sealing = SealedTexts((OLD,))
    sealed = sealing.seal(text)
    assert sealing.open(sealed) == text
    assert sealed != sealing.seal(text)
    assert not text or text not in sealed


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param("", id="nothing"),
        pytest.param("gAAAAABforeign==", id="of-others"),
        pytest.param("gl1.", id="without-text"),
        pytest.param("gl1.!", id="no-base64"),
        pytest.param("gl1.ä", id="no-ascii"),
        pytest.param("gl1.AAAA", id="too-short"),
        pytest.param("gl1." + "A" * 100, id="made-up"),
        pytest.param(SealedTexts((NEW,)).seal("x"), id="with-another-key"),
        pytest.param(SealedTexts((OLD,)).seal("x")[:-4] + "AAA=", id="changed"),
    ],
)
def test_anything_else_is_not(sealed: str) -> None:
    assert SealedTexts((OLD,)).open(sealed) is None


def test_a_new_key_is_put_before_the_old_one() -> None:
    both = SealedTexts((NEW, OLD))
    assert both.open(SealedTexts((OLD,)).seal("x")) == "x"
    assert SealedTexts((NEW,)).open(both.seal("x")) == "x"
    assert SealedTexts((OLD,)).open(both.seal("x")) is None


def test_keys_come_from_the_environment_and_are_not_shown() -> None:
    settings = read_settings(["m"], {"SCORING_RESPONSES_KEY": f"  {'n' * 16}  {'o' * 16}"})
    assert settings.sealing_keys == ("n" * 16, "o" * 16)
    assert "nnn" not in repr(settings)
    assert sealed_texts(read_settings(["m"], {}).sealing_keys) is None


def test_a_key_that_can_be_guessed_is_refused_without_being_shown() -> None:
    with pytest.raises(BadSettings, match="SCORING_RESPONSES_KEY has a key of less than 16") as caught:
        read_settings(["m"], {"SCORING_RESPONSES_KEY": f"{'n' * 16} hunter2"})
    assert "hunter2" not in str(caught.value)


def test_nothing_is_imported_for_it_without_a_key() -> None:
    code = (
        "import sys; from scoring.responses.prompt.sealing import sealed_texts; sealed_texts(());"
        "assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
