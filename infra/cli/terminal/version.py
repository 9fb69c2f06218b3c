"""The version of what is running."""

import tomllib
from importlib import metadata
from pathlib import Path


def version() -> str:
    """The installed distribution's version, or the checkout's own when nothing is installed."""
    try:
        return metadata.version("gatelift")
    except metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[3] / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"])
