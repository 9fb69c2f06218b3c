"""Unmodified programs that know nothing of us, as people run them: `HF_ENDPOINT` is all they are given."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.emulator.hub.upstream.between import Between
from tests.infra.emulator.hub.upstream.conftest import Through

HF = Path(sys.executable).with_name("hf")
CONFIG = "from transformers import AutoConfig; print(type(AutoConfig.from_pretrained('acme/open')).__name__)"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(through: Through, tmp_path: Path) -> Run:
    """Runs a program with a home of its own."""

    def program(*arguments: str | Path, token: str = "") -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": through.hub, "NO_COLOR": "1"}
        token_given = {"HF_TOKEN": token} if token else {}
        return subprocess.run(
            list(map(str, arguments)), env=kept | home | token_given, capture_output=True, text=True, timeout=120
        )

    return program


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["auth", "whoami"], "ann", id="whoami"),
        pytest.param(["download", "acme/gated"], "snapshots", id="download"),
        pytest.param(["download", "acme/gated", "model.safetensors", "--revision", "main"], "snapshots", id="one-file"),
        pytest.param(["models", "info", "acme/gated"], '"acme/gated"', id="info"),
    ],
)
def test_hf(run: Run, far: Between, arguments: list[str], words: str) -> None:
    done = run(HF, *arguments, token="hf_ann")
    assert (done.returncode, words in done.stdout) == (0, True), done.stderr


def test_hf_says_what_the_hub_refuses(run: Run) -> None:
    done = run(HF, "download", "acme/gated", token="hf_pat")
    assert done.returncode == 1
    assert "requires approval" in done.stderr


@pytest.mark.parametrize("choice", [{}, {"endpoint": "http://127.0.0.1:9"}], ids=["online", "offline"])
def test_transformers(run: Run, through: Through, choice: dict[str, str]) -> None:
    through.get("/acme/open/resolve/main/config.json")
    through.put(**choice)
    done = run(sys.executable, "-c", CONFIG)
    assert (done.returncode, done.stdout.strip()) == (0, "LlamaConfig"), done.stderr
