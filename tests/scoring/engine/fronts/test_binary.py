"""The program of vLLM's Rust front end is found where it may be, else the reason says how to get it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scoring.engine.fronts.binary import NoBinary, RustBinary, cached_binary, find_binary
from scoring.engine.versions import installed_version

REPOSITORY = Path(__file__).resolve().parents[4]
FIND = "import os; from scoring.engine.fronts.binary import find_binary; print(find_binary(os.environ))"


def program(path: Path, mode: int = 0o755) -> Path:
    """Write a file that could be the program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"#!/bin/sh\n")
    path.chmod(mode)
    return path


def found_beside(*folders: Path, **environ: str) -> str:
    """What a Python without any package but those in these folders finds."""
    path = os.pathsep.join(map(str, (REPOSITORY, *folders)))
    command = [sys.executable, "-S", "-c", FIND]
    return subprocess.run(
        command, env={"PYTHONPATH": path, **environ}, check=True, capture_output=True, text=True
    ).stdout


def test_the_cache_folder_is_asked_for_the_version_that_is_installed(tmp_path: Path) -> None:
    version = installed_version()
    assert version
    assert "+" not in version
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    missing = find_binary(environ)
    assert isinstance(missing, NoBinary)
    assert f"vllm-rs {version}" in missing.reason
    assert "scripts/setup --with-vllm-rs" in missing.reason
    program(tmp_path / "gatelift/vllm-rs/0.1.0/vllm-rs")
    assert isinstance(find_binary(environ), NoBinary)
    path = program(tmp_path / "gatelift/vllm-rs" / version / "vllm-rs")
    assert find_binary(environ) == RustBinary(path, version)


def test_gatelifts_own_cache_folder_comes_first(tmp_path: Path) -> None:
    environ = {"GATELIFT_CACHE_DIR": str(tmp_path / "own"), "XDG_CACHE_HOME": str(tmp_path), "HOME": "/nowhere"}
    assert cached_binary(environ, "0.32.0") == tmp_path / "own/vllm-rs/0.32.0/vllm-rs"


def test_the_variable_names_the_only_one_that_counts(tmp_path: Path) -> None:
    path = program(tmp_path / "build/vllm-rs")
    cached = program(tmp_path / "gatelift/vllm-rs" / str(installed_version()) / "vllm-rs")
    environ = {"VLLM_RUST_FRONTEND_PATH": str(path), "XDG_CACHE_HOME": str(tmp_path)}
    assert find_binary(environ) == RustBinary(path, str(installed_version()))
    path.unlink()
    assert find_binary(environ) == NoBinary(f"VLLM_RUST_FRONTEND_PATH={path} is no executable file")
    automatic = find_binary(environ | {"VLLM_RUST_FRONTEND_PATH": "auto"})
    assert automatic == RustBinary(cached, str(installed_version()))


@pytest.mark.parametrize("mode", [pytest.param(0o644, id="not-executable"), pytest.param(None, id="a-folder")])
def test_only_an_executable_file_counts(mode: int | None, tmp_path: Path) -> None:
    path = tmp_path / "vllm-rs"
    if mode is None:
        path.mkdir()
    else:
        program(path, mode)
    assert isinstance(find_binary({"VLLM_RUST_FRONTEND_PATH": str(path)}), NoBinary)


def test_the_program_in_vllms_own_folder_comes_before_the_cache(tmp_path: Path) -> None:
    packaged = program(tmp_path / "site/vllm/vllm-rs")
    (tmp_path / "site/vllm/__init__.py").write_text("raise AssertionError('vLLM was imported')\n")
    metadata = tmp_path / "site/vllm-9.8.7+cu130.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 9.8.7+cu130\n")
    program(tmp_path / "gatelift/vllm-rs/9.8.7/vllm-rs")
    found = found_beside(tmp_path / "site", XDG_CACHE_HOME=str(tmp_path))
    assert found == f"RustBinary(path={packaged!r}, version='9.8.7')\n"


def test_without_vllm_the_reason_says_so() -> None:
    assert found_beside() == "NoBinary(reason='vLLM is not installed')\n"
