"""Room for many connections: each takes a file of the process, of which systems allow few at first (macOS 256)."""

import sys

from infra.errors import GateliftError

BESIDE = 64
"""Files that are open anyway."""


def allow_connections(wanted: int, needed: int = 0) -> None:
    """Raise what this process may open, as far as it may do so itself; `GateliftError` if less than `needed` remain."""
    if sys.platform == "win32":  # no such limit there
        return
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    if needed + BESIDE > most:
        raise GateliftError(
            f"{needed} requests at a time need {needed + BESIDE} open files, and this process may have {most}",
            hint="raise `ulimit -Hn`, or ask fewer at a time with --concurrency",
            code="too_few_files",
        )
    if soft != resource.RLIM_INFINITY and soft < wanted + BESIDE:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted + BESIDE, most), hard))
