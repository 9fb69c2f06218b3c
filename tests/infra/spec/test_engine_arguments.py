"""A typo in a vLLM argument is found in the spec, with the list of arguments that the pinned vLLM printed."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.spec.engine_arguments import known_arguments, unknown_argument


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("max_modell_len", "did you mean `max_model_len`?", id="typo"),
        pytest.param("zzzzzzzz", "`vllm serve --help=all` lists them", id="nothing-like-it"),
    ],
)
def test_an_unknown_argument_is_named_with_a_way_out(name: str, hint: str) -> None:
    assert unknown_argument(["max_model_len", name]) == (name, hint)


def test_a_member_of_a_json_argument_may_be_set() -> None:
    assert unknown_argument(["compilation_config.level", "enforce_eager"]) is None


def test_the_list_is_what_the_installed_vllm_knows(repository: Path) -> None:
    command = [sys.executable, "scripts/vllm_arguments.py"]
    environ = {"PYTHONPATH": str(repository), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, check=True)
    assert set(result.stdout.split()) - {"INFO", "WARNING"} >= known_arguments()
