"""The version of gatelift."""

import tomllib
from importlib import metadata
from pathlib import Path


def version() -> str:
    """The version of the installed distribution; without one that of the checkout."""
    try:
        return metadata.version("gatelift")
    except metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[3] / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"])
