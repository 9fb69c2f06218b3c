"""Where a command's words go: data on stdout, talk on stderr, and in JSON mode one document on stdout."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from infra.cli.terminal.style import Painter, wants_colour
from infra.errors import GateliftError


class OutputFormat(StrEnum):
    """How a command answers: text for people or one JSON document for programs."""

    TEXT = "text"
    JSON = "json"


class OutputClosed(Exception):
    """Whoever read our stdout went away (`gatelift logs … | head`)."""


class Output:
    """The two streams of one command."""

    def __init__(self, output_format: OutputFormat) -> None:
        self.is_json = output_format is OutputFormat.JSON
        self.paint = Painter(wants_colour(sys.stdout))
        self.paint_talk = Painter(wants_colour(sys.stderr))

    def data(self, text: str = "", *, end: str = "\n") -> None:
        """Write data for people to stdout; in JSON mode nothing, since the document says it."""
        if not self.is_json:
            write_stdout(text + end)

    def document(self, value: Any) -> None:
        """Write the one JSON document of this command; in text mode nothing."""
        if self.is_json:
            write_stdout(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def talk(self, text: str = "", *, end: str = "\n") -> None:
        """Say something to a person, on stderr."""
        sys.stderr.write(text + end)
        sys.stderr.flush()

    def hint(self, text: str) -> None:
        """Say what a person may want to do next."""
        self.talk(f"{self.paint_talk('hint:', 'cyan')} {text}")

    def warn(self, text: str) -> None:
        """Say what a person should know although the command goes on."""
        self.talk(f"{self.paint_talk('warning:', 'yellow')} {text}")


def write_stdout(text: str) -> None:
    """Write and flush, so that a reader that has gone away is noticed here and nowhere else."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise OutputClosed from None
        raise GateliftError(
            f"standard output cannot be written: {error.strerror}",
            hint="the command may have done its work; send its output where there is room",
            code="output_error",
        ) from None


def table(header: Sequence[str], rows: Iterable[Sequence[str]], paint: Painter) -> str:
    """Columns aligned with spaces, so that `awk` and people read the same thing."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([paint(padded[0], "bold"), *padded[1:]])
