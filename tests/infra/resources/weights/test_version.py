"""Names of weights in the workspace, and how their size is told."""

import re

import pytest

from infra.resources.weights.version import Weights, asset_of, in_words

AZURE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        pytest.param("org/Model_7B", "org-model-7b-weights", id="hub"),
        pytest.param("my model (final)", "my-model-final-weights", id="spaces"),
        pytest.param("Größe", "gr-e-weights", id="umlauts"),
        pytest.param(".hidden", "hidden-weights", id="dot"),
        pytest.param("模型", "model-weights", id="no-letter-that-azure-takes"),
        pytest.param("x" * 300, "x" * 240 + "-weights", id="long"),
    ],
)
def test_any_folder_s_name_gives_a_name_that_azure_takes(label: str, name: str) -> None:
    assert asset_of(label) == name
    assert AZURE.fullmatch(asset_of(label))


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (7_002, "7.0 kB"), (272_000_000, "272 MB"), (15_200_000_000, "15 GB")],
)
def test_a_size_in_words(size: int, words: str) -> None:
    assert in_words(size) == words


def test_the_token_of_a_copy_is_in_no_text() -> None:
    open_for = Weights("org/model", "a" * 40, (), "demo", 5, token="hf_verysecret1", needs_token=True)
    assert "verysecret" not in repr(open_for) + repr(open_for.desired) + open_for.remark
    without = Weights("org/model", "a" * 40, (), "demo", 5, needs_token=True)
    assert without.remark.endswith("the copy alone needs HF_TOKEN")
