"""The paths of gatelift's cache folder and of the folders that come with the package."""

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent


def cache_dir(environ: Mapping[str, str]) -> Path:
    """gatelift's cache folder: `GATELIFT_CACHE_DIR`, else `gatelift` in the XDG cache folder."""
    if chosen := environ.get("GATELIFT_CACHE_DIR"):
        return Path(chosen).expanduser()
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "gatelift"


def models_dir(environ: Mapping[str, str]) -> Path:
    """The folder with the demo models' weights, one folder for each model."""
    return cache_dir(environ) / "models"


def default_emulator_state(environ: Mapping[str, str]) -> Path:
    """The state folder of the emulator that `--local` uses: `GATELIFT_EMULATOR_STATE`, else one in the cache folder."""
    if chosen := environ.get("GATELIFT_EMULATOR_STATE"):
        return Path(chosen).expanduser()
    return cache_dir(environ) / "emulator"


def bundled(name: str) -> Path:
    """The folder `scoring` or `environments`: beside this package in a checkout, inside it in a wheel."""
    packaged = HERE / "_bundled" / name
    return packaged if packaged.is_dir() else HERE.parent / name
