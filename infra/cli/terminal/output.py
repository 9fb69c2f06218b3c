"""Where a command's output goes: results to stdout, everything else to stderr; in JSON mode stdout gets one object.

All of it passes the redaction, except the secret that a command was asked for (`secret=True`)."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from infra.cli.terminal.style import Painter, wants_colour
from infra.errors import GateliftError
from infra.redaction import SEEN

VERSION = 1
"""The version of what commands print in JSON mode; it changes when a key goes away or changes its meaning."""


class OutputFormat(StrEnum):
    """How a command answers: text for people or one JSON object for programs."""

    TEXT = "text"
    JSON = "json"


class OutputClosed(Exception):
    """The reader of stdout has gone away (`gatelift logs … | head`)."""


class Output:
    """The two streams of one command."""

    def __init__(self, output_format: OutputFormat) -> None:
        self.is_json = output_format is OutputFormat.JSON
        self.paint = Painter(wants_colour(sys.stdout))
        self.paint_stderr = Painter(wants_colour(sys.stderr))

    def data(self, text: str = "", *, end: str = "\n", secret: bool = False) -> None:
        """Write a result for people to stdout; in JSON mode nothing, since the JSON object has it."""
        if not self.is_json:
            write_stdout((text if secret else SEEN.redact(text)) + end)

    def document(self, value: Mapping[str, Any], *, secret: bool = False) -> None:
        """Write the command's JSON object to stdout, with the version in front; in text mode nothing.

        It takes one line, so that objects can be told apart by line; a terminal gets it indented.
        """
        if self.is_json:
            indent = 2 if sys.stdout.isatty() else None
            shown = value if secret else SEEN.redact_all(value)
            write_stdout(json.dumps({"version": VERSION, **shown}, indent=indent, ensure_ascii=False) + "\n")

    def message(self, text: str = "", *, end: str = "\n") -> None:
        """Write something for people to stderr, in both modes."""
        sys.stderr.write(SEEN.redact(text) + end)
        sys.stderr.flush()

    def hint(self, text: str) -> None:
        """Suggest what to do next, on stderr."""
        self.message(f"{self.paint_stderr('hint:', 'cyan')} {text}")

    def warn(self, text: str) -> None:
        """Warn about something that does not stop the command, on stderr."""
        self.message(f"{self.paint_stderr('warning:', 'yellow')} {text}")


def write_stdout(text: str) -> None:
    """Write and flush, so that a reader that has gone away is noticed here and nowhere else."""
    try:
        getattr(sys.stdout, "unredacted", sys.stdout).write(text)
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise OutputClosed from None
        raise GateliftError(
            f"standard output cannot be written: {error.strerror}",
            hint="the command may have finished its work; redirect its output to a place with free space",
            code="output_error",
        ) from None


def table(header: Sequence[str], rows: Iterable[Sequence[str]], paint: Painter) -> str:
    """Columns aligned with spaces, so that `awk` and people read the same thing."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([paint(padded[0], "bold"), *padded[1:]])
