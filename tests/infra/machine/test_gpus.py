"""The GPUs are those of the driver's own tool; here a program of that name says what `nvidia-smi` says."""

from pathlib import Path

import pytest

from infra.machine.gpus import visible_gpus

LINES = """\
0, GPU-11111111-aaaa, NVIDIA H200, 143771, 143117
1, GPU-22222222-bbbb, NVIDIA RTX 4090, 24564, 20000
"""
MIB = 1 << 20


def driver(folder: Path, script: str) -> dict[str, str]:
    """An environment whose `nvidia-smi` is this shell script."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o700)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


@pytest.fixture
def two(tmp_path: Path) -> dict[str, str]:
    query = "--query-gpu=index,uuid,name,memory.total,memory.free --format=csv,noheader,nounits"
    return driver(tmp_path, f'[ "$*" = "{query}" ] || exit 2\ncat <<END\n{LINES}END')


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        pytest.param(None, ["0", "1"], id="all"),
        pytest.param("1", ["1"], id="by-number"),
        pytest.param("GPU-2222", ["1"], id="by-uuid"),
        pytest.param("", [], id="none"),
        pytest.param("-1", [], id="no-such"),
    ],
)
def test_what_cuda_may_see(two: dict[str, str], visible: str | None, seen: list[str]) -> None:
    chosen = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert [gpu.index for gpu in visible_gpus(two | chosen)] == seen


def test_name_and_memory(two: dict[str, str]) -> None:
    gpu = visible_gpus(two)[0]
    assert (gpu.name, gpu.total, gpu.free) == ("NVIDIA H200", 143771 * MIB, 143117 * MIB)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("echo 'NVIDIA-SMI has failed'; exit 9", id="no-driver"),
        pytest.param("echo 'No devices were found'", id="no-device"),
    ],
)
def test_a_tool_without_a_gpu(tmp_path: Path, script: str) -> None:
    assert visible_gpus(driver(tmp_path, script)) == []


def test_no_tool(tmp_path: Path) -> None:
    assert visible_gpus({"PATH": str(tmp_path)}) == []
