"""SCORING_ADAPTERS, read."""

import json

import pytest

from scoring.errors import BadSettings
from scoring.settings.adapters import AdapterSettings
from scoring.settings.settings import read_settings


def read(text: str, **environ: str) -> tuple[AdapterSettings, ...]:
    return read_settings([], {"SCORING_MODEL": "org/name", "SCORING_ADAPTERS": text, **environ}).adapters


def test_each_source() -> None:
    text = json.dumps(
        [
            {"name": "sql", "model": "org/lora", "revision": "abc"},
            {"name": "x", "url": "https://a.blob.core.windows.net/c/f"},
            {"name": "y", "path": "/folder", "revision": None},
        ]
    )
    assert read(text) == (
        AdapterSettings("sql", model="org/lora", revision="abc"),
        AdapterSettings("x", url="https://a.blob.core.windows.net/c/f"),
        AdapterSettings("y", path="/folder"),
    )
    assert read("") == read("[]") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[", "is not JSON", id="no-json"),
        pytest.param("{}", "is a JSON dict, not a list", id="no-list"),
        pytest.param('["sql"]', r"\[0\] is not an object of texts", id="no-object"),
        pytest.param('[{"name": 5}]', r"\[0\] is not an object of texts", id="no-text"),
        pytest.param('[{"path": "/a"}]', r"\[0\] has no name", id="no-name"),
        pytest.param('[{"name": "a"}]', r"\(a\) needs one of model, url and path", id="no-source"),
        pytest.param('[{"name": "a", "model": "b/c", "path": "/a"}]', "needs one of", id="two-sources"),
        pytest.param('[{"name": "a", "id": "b/c"}]', "has no member 'id'", id="unknown-member"),
        pytest.param('[{"name": "a", "path": "/a"}, {"name": "a", "path": "/b"}]', "names 'a' twice", id="twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, words: str) -> None:
    with pytest.raises(BadSettings, match=f"SCORING_ADAPTERS.*{words}") as refused:
        read(text)
    assert refused.value.hint


def test_two_engines_name_their_own() -> None:
    with pytest.raises(BadSettings, match="does not say which model of SCORING_ENGINES"):
        read('[{"name": "a", "path": "/a"}]', SCORING_ENGINES='[{"model": "org/name"}]')


@pytest.mark.parametrize("secret", ["https://a.blob.b/c/f?sv=1&sig=s3cr3t", "https://me:s3cr3t@a.blob.b/c/f"])
def test_a_signature_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(BadSettings, match=r"the url of SCORING_ADAPTERS\[0\] \(x\) holds a signature") as refused:
        read(json.dumps([{"name": "x", "url": secret}]))
    assert "s3cr3t" not in f"{refused.value} {refused.value.hint}"
