"""Unmodified programs that know nothing of us, as people run them: `HF_ENDPOINT` is all they are given."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.emulator.hub.upstream.between import Between
from tests.infra.emulator.hub.upstream.conftest import Through
from tests.infra.emulator.hub.upstream.huggingface_hubs import HuggingfaceHub, first, second

API_CALLS = Path(__file__).with_name("api_calls.py")
CONFIG = "from transformers import AutoConfig; print(type(AutoConfig.from_pretrained('acme/open')).__name__)"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(through: Through, tmp_path: Path) -> Run:
    """Runs a program with a home of its own."""

    def program(*arguments: str | Path, **environ: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": through.hub, "NO_COLOR": "1"}
        return subprocess.run(
            list(map(str, arguments)), env=kept | home | environ, capture_output=True, text=True, timeout=120
        )

    return program


@pytest.fixture(scope="module", params=[pytest.param(first, id="1.x"), pytest.param(second, id="2.x")])
def huggingface_hub(request: pytest.FixtureRequest) -> HuggingfaceHub:
    """Each version of huggingface_hub that people have."""
    version: HuggingfaceHub = request.param()
    return version


@pytest.fixture
def hf(run: Run, huggingface_hub: HuggingfaceHub) -> Run:
    """Runs huggingface_hub's program `hf` with a token."""
    command = (*huggingface_hub.python, "-m", "huggingface_hub.cli.hf")
    return lambda *arguments, token: run(*command, *arguments, HF_TOKEN=token, **huggingface_hub.environ)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["auth", "whoami"], "ann", id="whoami"),
        pytest.param(["download", "acme/gated"], "snapshots", id="download"),
        pytest.param(["download", "acme/gated", "model.safetensors", "--revision", "main"], "snapshots", id="one-file"),
        pytest.param(["models", "info", "acme/gated"], '"acme/gated"', id="info"),
    ],
)
def test_hf(hf: Run, far: Between, arguments: list[str], words: str) -> None:
    done = hf(*arguments, token="hf_ann")
    assert (done.returncode, words in done.stdout) == (0, True), done.stderr


def test_hf_says_what_the_hub_refuses(hf: Run) -> None:
    done = hf("download", "acme/gated", token="hf_pat")
    assert done.returncode == 1
    assert "requires approval" in done.stderr


def test_the_api(run: Run, far: Between, huggingface_hub: HuggingfaceHub, tmp_path: Path) -> None:
    done = run(*huggingface_hub.python, API_CALLS, tmp_path / "client", **huggingface_hub.environ)
    assert done.returncode == 0, done.stderr
    version = "2" if huggingface_hub.environ else "1"
    gated = ["README.md", "config.json", "model.safetensors"]
    assert json.loads(done.stdout) == {
        "major version": version,
        "whoami": "ann",
        "public": ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        "gated": gated,
        "gate": "manual",
        "size": 8000,
        "tree": gated,
        "offline": gated,
        "gated without a token": "GatedRepoError",
        "gated, not yet allowed": "GatedRepoError",
        "private": "RepositoryNotFoundError",
        "no such revision": "RevisionNotFoundError",
        "whoami, wrong token": "HfHubHTTPError",
        "offline, never read": "LocalEntryNotFoundError",
        "unreachable, never read": "LocalEntryNotFoundError",
    }


@pytest.mark.parametrize("choice", [{}, {"endpoint": "http://127.0.0.1:9"}], ids=["online", "offline"])
def test_transformers(run: Run, through: Through, choice: dict[str, str]) -> None:
    through.get("/acme/open/resolve/main/config.json")
    through.put(**choice)
    done = run(sys.executable, "-c", CONFIG)
    assert (done.returncode, done.stdout.strip()) == (0, "LlamaConfig"), done.stderr
