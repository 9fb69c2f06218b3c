"""On what `--local` serves follows from the installed vLLM's build and the driver's tool; torch is never imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from infra.errors import GateliftError
from infra.machine.local_vllm import check_vllm
try:
    print(check_vllm())
except GateliftError as error:
    print("refused:", error)
assert not {"torch", "vllm"} & set(sys.modules)
"""
GPU = "#!/bin/sh\necho '0, GPU-1, NVIDIA H200, 143771, 143117'\n"


def said(folder: Path, package: str, version: str, *, gpu: bool, **environ: str) -> str:
    """What a machine says whose Python has this package of vLLM, told by its metadata, and a GPU or none."""
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    if gpu:
        (folder / "nvidia-smi").write_text(GPU)
        (folder / "nvidia-smi").chmod(0o700)
    root = Path(__file__).parents[3]
    variables = {"PATH": f"{folder}:/usr/bin:/bin", "PYTHONPATH": f"{folder}:{root}", "HOME": os.environ["HOME"]}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=variables | environ, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("version", "gpu", "words"),
    [
        pytest.param("0.33.0", True, "is built for CUDA: models are served on NVIDIA H200 with 151 GB", id="cuda"),
        pytest.param("0.33.0+cu129", True, "is built for CUDA: models are served on NVIDIA H200", id="cuda-marked"),
        pytest.param("0.33.0", False, "refused: the vLLM in gatelift's Python is built for CUDA", id="cuda-no-gpu"),
        pytest.param("0.33.0+cpu", True, "built for the CPU, so that the NVIDIA H200 is not used", id="cpu-gpu"),
        pytest.param("0.33.0+cpu", False, "is built for the CPU", id="cpu"),
        pytest.param("0.33.0+rocm71", True, "is built for rocm", id="another"),
    ],
)
def test_the_build_and_the_gpu_decide(tmp_path: Path, version: str, gpu: bool, words: str) -> None:
    assert words in said(tmp_path, "vllm", version, gpu=gpu)


def test_a_hidden_gpu_is_said(tmp_path: Path) -> None:
    told = said(tmp_path, "vllm", "0.33.0", gpu=True, CUDA_VISIBLE_DEVICES="7")
    assert "shows no GPU here (CUDA_VISIBLE_DEVICES is 7)" in told
