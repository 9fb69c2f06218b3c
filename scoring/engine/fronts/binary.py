"""Where the program of vLLM's Rust front end is; vLLM itself is not imported.

It is part of vLLM's CUDA wheel and image. The CPU wheel lacks it: there `scripts/setup --with-vllm-rs` fetches it into
gatelift's cache folder, in a folder named after the version that it belongs to.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scoring.engine.versions import installed_version

NAME = "vllm-rs"
VARIABLE = "VLLM_RUST_FRONTEND_PATH"  # vLLM's own
AUTOMATIC = ("", "auto", "1", "true")  # its values with which vLLM, too, looks for the program itself
HOW_TO_GET = "scripts/setup --with-vllm-rs fetches it"


@dataclass(frozen=True)
class RustBinary:
    """The program, and the version of vLLM that it is run with, without what follows a `+`."""

    path: Path
    version: str


@dataclass(frozen=True)
class NoBinary:
    """Why there is no program, in words that can end a sentence."""

    reason: str


def find_binary(environ: Mapping[str, str]) -> RustBinary | NoBinary:
    """Find the program: where the variable says, else in the installed vLLM's folder, else in the cache folder.

    Only an executable file counts. A path in the variable is all that is tried then. The one in the cache folder is of
    the very version that is installed; of one that the variable names that is taken for granted.
    """
    version = installed_version()
    if version is None:
        return NoBinary("vLLM is not installed")
    chosen = environ.get(VARIABLE, "")
    if chosen.lower() not in AUTOMATIC:
        named = Path(chosen).expanduser()
        return RustBinary(named, version) if _runs(named) else NoBinary(f"{VARIABLE}={chosen} is no executable file")
    cached = cached_binary(environ, version)
    for path in (*_packaged(), cached):
        if _runs(path):
            return RustBinary(path, version)
    return NoBinary(f"{NAME} {version} is neither in vLLM's folder nor at {cached}: {HOW_TO_GET}")


def cached_binary(environ: Mapping[str, str], version: str) -> Path:
    """Where `scripts/setup --with-vllm-rs` puts the program of this version."""
    cache = environ.get("GATELIFT_CACHE_DIR") or f"{environ.get('XDG_CACHE_HOME') or '~/.cache'}/gatelift"
    return Path(os.path.expanduser(cache)) / NAME / version / NAME  # unlike Path's: no error without a home


def _packaged() -> list[Path]:
    spec = importlib.util.find_spec("vllm")
    return [Path(folder) / NAME for folder in (spec and spec.submodule_search_locations) or ()]


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


if __name__ == "__main__":  # `gatelift doctor --local` asks so: it imports nothing of this package
    found = find_binary(os.environ)
    sys.exit(0 if isinstance(found, RustBinary) else found.reason)
