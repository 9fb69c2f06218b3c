"""The versions of huggingface_hub that the tests run as programs: the installed 1.x, and 2.x in a folder of its own."""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.paths import cache_dir

SECOND = "2.4.0"


@dataclass(frozen=True)
class HuggingfaceHub:
    """How Python is started so that it imports this version."""

    python: tuple[str, ...] = (sys.executable,)
    environ: dict[str, str] = field(default_factory=dict)


def first() -> HuggingfaceHub:
    """The 1.x that is installed here."""
    return HuggingfaceHub()


def second() -> HuggingfaceHub:
    """2.x with its own dependencies and nothing else: `-S` leaves out what is installed here.

    It is installed once, into the cache folder; a test is skipped where pip cannot get it.
    """
    folder = cache_dir(os.environ) / "tests" / f"huggingface_hub-{SECOND}"
    if not folder.is_dir():
        _install(folder)
    return HuggingfaceHub((sys.executable, "-S"), {"PYTHONPATH": str(folder)})


def _install(folder: Path) -> None:
    """Install it beside the folder, and give it the folder's name when it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as begun:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            f"{begun}/whole",
        ]
        done = subprocess.run([*pip, f"huggingface_hub=={SECOND}"], capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"pip cannot get huggingface_hub {SECOND}: {done.stderr.strip()[-200:]}")
        with suppress(OSError):  # another run was faster
            Path(begun, "whole").rename(folder)
