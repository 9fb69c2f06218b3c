"""The program of vLLM's Rust front end is found where it may be, else the reason says how to get it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scoring.engine.fronts.binary import NoBinary, cached_binary, find_binary

REPOSITORY = Path(__file__).resolve().parents[4]
FIND = "import os; from scoring.engine.fronts.binary import find_binary; print(find_binary(os.environ))"


def program(path: Path, mode: int = 0o755) -> Path:
    """Write a file that could be the program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"#!/bin/sh\n")
    path.chmod(mode)
    return path


def installed(site: Path, version: str) -> Path:
    """Make a folder of packages in which vLLM is installed, but must not be imported."""
    metadata = site / f"vllm-{version}.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    package = site / "vllm"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('vLLM was imported')\n")
    return site


def found_beside(*folders: Path, **environ: str) -> str:
    """What a Python without any package but those in these folders finds."""
    path = os.pathsep.join(map(str, (REPOSITORY, *folders)))
    command = [sys.executable, "-S", "-c", FIND]
    return subprocess.run(
        command, env={"PYTHONPATH": path, **environ}, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_cache_folder_is_asked_for_the_version_that_is_installed(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", "9.8.7+cpu")
    missing = found_beside(site, XDG_CACHE_HOME=str(tmp_path))
    assert missing.startswith("NoBinary(reason=\"vllm-rs 9.8.7 is neither in vLLM's folder nor at ")
    assert "scripts/setup --with-vllm-rs" in missing
    program(tmp_path / "gatelift/vllm-rs/0.1.0/vllm-rs")
    assert found_beside(site, XDG_CACHE_HOME=str(tmp_path)) == missing
    path = program(tmp_path / "gatelift/vllm-rs/9.8.7/vllm-rs")
    assert found_beside(site, XDG_CACHE_HOME=str(tmp_path)) == f"RustBinary(path={path!r}, version='9.8.7')"


def test_the_program_in_vllms_own_folder_comes_before_the_cache(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", "9.8.7+cu130")
    packaged = program(site / "vllm/vllm-rs")
    program(tmp_path / "gatelift/vllm-rs/9.8.7/vllm-rs")
    assert found_beside(site, XDG_CACHE_HOME=str(tmp_path)) == f"RustBinary(path={packaged!r}, version='9.8.7')"


def test_gatelifts_own_cache_folder_comes_first(tmp_path: Path) -> None:
    environ = {"GATELIFT_CACHE_DIR": str(tmp_path / "own"), "XDG_CACHE_HOME": str(tmp_path), "HOME": "/nowhere"}
    assert cached_binary(environ, "0.32.0") == tmp_path / "own/vllm-rs/0.32.0/vllm-rs"


def test_the_variable_names_the_only_one_that_counts(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", "9.8.7")
    path = program(tmp_path / "build/vllm-rs")
    cached = program(tmp_path / "gatelift/vllm-rs/9.8.7/vllm-rs")
    named = {"VLLM_RUST_FRONTEND_PATH": str(path), "XDG_CACHE_HOME": str(tmp_path)}
    assert found_beside(site, **named) == f"RustBinary(path={path!r}, version='9.8.7')"
    path.unlink()
    assert found_beside(site, **named) == f"NoBinary(reason='VLLM_RUST_FRONTEND_PATH={path} is no executable file')"
    automatic = found_beside(site, **(named | {"VLLM_RUST_FRONTEND_PATH": "auto"}))
    assert automatic == f"RustBinary(path={cached!r}, version='9.8.7')"


@pytest.mark.parametrize("mode", [pytest.param(0o644, id="not-executable"), pytest.param(None, id="a-folder")])
def test_only_an_executable_file_counts(mode: int | None, tmp_path: Path) -> None:
    path = tmp_path / "vllm-rs"
    if mode is None:
        path.mkdir()
    else:
        program(path, mode)
    assert isinstance(find_binary({"VLLM_RUST_FRONTEND_PATH": str(path)}), NoBinary)


def test_without_vllm_the_reason_says_so() -> None:
    assert found_beside() == "NoBinary(reason='vLLM is not installed')"
