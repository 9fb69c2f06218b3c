"""What /proc says about processes: who runs, with which command line and files."""

import os
from collections.abc import Iterator
from pathlib import Path


def command_lines() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue


def processes_mentioning(text: str) -> dict[int, str]:
    """Running processes, this one aside, whose command line or working folder mentions the text."""
    found = {}
    for pid, command in command_lines():
        try:
            where = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            where = ""
        if pid != os.getpid() and (text in command or text in where):
            found[pid] = command
    return found


def files_containing(secret: str, folder: Path) -> list[Path]:
    """Every file below the folder that contains the text."""
    needle = secret.encode()
    return [path for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]
