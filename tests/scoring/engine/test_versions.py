"""One table knows the versions of vLLM: what it says holds for the one that is installed."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scoring.engine.versions import RELEASES, installed_version, release_of
from scoring.errors import EngineFailed

REPOSITORY = Path(__file__).resolve().parents[3]
REPAIRS = {path.stem for path in (REPOSITORY / "scoring/engine/repairs").glob("[!_]*.py")}


@pytest.mark.parametrize(
    ("version", "minor"),
    [
        pytest.param("0.32.0", "0.32", id="supported"),
        pytest.param("0.32.4", "0.32", id="a-patch-release"),
        pytest.param("0.33.0rc1", "0.33", id="a-candidate"),
    ],
)
def test_a_version_belongs_to_its_minor_release(version: str, minor: str, caplog: pytest.LogCaptureFixture) -> None:
    assert release_of(version).minor == minor
    assert not caplog.messages


@pytest.mark.parametrize("version", ["0.99.0", "1.0.0", "dev"])
def test_an_unknown_version_is_taken_for_the_newest_and_told_once(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    release_of.cache_clear()
    with caplog.at_level(logging.WARNING, "scoring"):
        assert [release_of(version), release_of(version)] == [RELEASES[-1]] * 2
    assert caplog.messages == [
        f"vLLM {version} is not known here, only 0.32 and 0.33 are: it is taken for {RELEASES[-1].minor}"
    ]


@pytest.mark.parametrize("version", ["0.31.0", "0.9.2"])
def test_an_older_version_is_refused_with_those_that_are_supported(version: str) -> None:
    with pytest.raises(EngineFailed, match=f"vLLM {version} is not supported: vLLM 0.32 and 0.33 are"):
        release_of(version)


def test_the_repairs_that_it_names_are_files() -> None:
    assert {name for release in RELEASES for name in release.repairs} == REPAIRS


def test_everything_is_where_the_table_has_it_in_the_installed_version() -> None:
    assert release_of(str(installed_version())).minor in str(installed_version())
    assert imported() == ""


def test_what_a_later_version_has_moved_is_named(tmp_path: Path) -> None:
    package = tmp_path / "vllm"
    package.mkdir()
    (package / "__init__.py").touch()
    metadata = tmp_path / "vllm-0.99.0.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.99.0\n")
    error = imported(tmp_path)
    assert "vllm.entrypoints.launchers.app.build_app is not in vLLM 0.99.0: No module named" in error
    assert "install vLLM 0.32 or 0.33" in error


def imported(*before: Path) -> str:
    """What another process that imports vLLM's entry points says in its error, with these folders on its path."""
    code = """
import logging
from scoring.engine.modules import VllmModules
try:
    VllmModules()
except Exception as error:
    print(f"{type(error).__name__}: {error} {getattr(error, 'hint', '')}")
"""
    path = os.pathsep.join(map(str, (*before, REPOSITORY)))
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, check=True, capture_output=True, text=True
    )
    return "".join(line for line in done.stdout.splitlines() if "Error" in line or "Failed" in line)
