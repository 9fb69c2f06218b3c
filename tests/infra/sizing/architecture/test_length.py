"""The longest sequence, as vLLM takes it without being told, and the longest that it accepts."""

from typing import Any

import pytest

from infra.sizing.architecture.config import read_architecture
from tests.infra.model_folders import LLAMA


@pytest.mark.parametrize(
    ("fields", "longest"),
    [
        pytest.param({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 131072, id="llama3 is scaled already"),
        pytest.param({"rope_scaling": {"type": "yarn", "factor": 4.0}}, 131072, id="so is yarn"),
        pytest.param({"rope_scaling": {"type": "linear", "factor": 2.0}}, 262144, id="linear is not"),
        pytest.param({"rope_scaling": {"rope_type": "dynamic", "factor": 2}}, 262144, id="nor is dynamic"),
        pytest.param(
            {"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 4096}, 4096, id="longrope"
        ),
        pytest.param({"max_position_embeddings": None}, 2048, id="nothing said"),
        pytest.param({"model_max_length": 4096}, 4096, id="its own maximum"),
        pytest.param({"rope_scaling": None}, 131072, id="none"),
    ],
)
def test_the_longest_sequence(fields: dict[str, Any], longest: int) -> None:
    assert read_architecture(LLAMA | fields).longest == longest


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        pytest.param({"rope_scaling": {"type": "linear", "factor": 2.0}}, 262144, id="scaled"),
        pytest.param(
            {"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 4096}, 131072, id="longrope"
        ),
    ],
)
def test_the_longest_sequence_that_is_accepted(fields: dict[str, Any], most: int) -> None:
    assert read_architecture(LLAMA | fields).most == most
