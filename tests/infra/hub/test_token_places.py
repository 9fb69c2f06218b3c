"""A token that huggingface_hub would use is named with the command that has gatelift use it, and never shown."""

from pathlib import Path

import pytest

from infra.hub.token_places import tokens_elsewhere

STORED = "hf_elsewhere1234"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which `hf auth login` was run."""
    file = tmp_path / "my home" / ".cache" / "huggingface" / "token"
    file.parent.mkdir(parents=True)
    file.write_text(f"{STORED}\n")
    return tmp_path / "my home"


def test_the_file_of_a_login(home: Path) -> None:
    file = home / ".cache" / "huggingface" / "token"
    for environ in (
        {"HOME": str(home)},
        {"HF_HOME": str(file.parent)},
        {"HF_TOKEN_PATH": str(file)},
        {"XDG_CACHE_HOME": str(home / ".cache"), "HF_TOKEN": " \n"},
    ):
        said = tokens_elsewhere(environ)
        assert f"`export HF_TOKEN=$(cat '{file}')` uses it" in said
        assert STORED not in said


def test_the_old_variable(tmp_path: Path) -> None:
    said = tokens_elsewhere({"HOME": str(tmp_path), "HUGGING_FACE_HUB_TOKEN": STORED})
    assert "`export HF_TOKEN=$HUGGING_FACE_HUB_TOKEN` uses it" in said
    assert STORED not in said


def test_nothing_is_said_where_there_is_none_or_another_is_used(home: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    assert tokens_elsewhere({"HF_HOME": str(tmp_path)}) == ""
    assert tokens_elsewhere({"HOME": str(home), "HF_TOKEN": "hf_used12345"}) == ""
