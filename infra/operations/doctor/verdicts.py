"""The result of a check: ok, warn or fail, what was found, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from infra.errors import GateliftError
from infra.redaction import told

Opened = TypeVar("Opened")


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One check: what it found (`detail`) and, unless that is fine, what to do (`fix`)."""

    name: str
    verdict: Verdict
    detail: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """The document that `doctor --output json` prints."""
        return {"name": self.name, "verdict": self.verdict, "detail": self.detail, "fix": self.fix}


class CheckWarning(Exception):
    """Raised by a check that found something that may be fine; `fix` says what to do if it is not."""

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix


def opened(name: str, open_it: Callable[[], Opened], detail: str) -> tuple[Opened | None, Check]:
    """Open what later checks depend on, and the result of opening it; None where it fails."""
    results: list[Opened] = []

    def check() -> str:
        results.append(open_it())
        return detail

    verdict = attempt(name, check)
    return (results[0] if results else None), verdict


def attempt(name: str, check: Callable[[], str]) -> Check:
    """Run one check; its verdict follows from what it raises."""
    try:
        return Check(name, Verdict.OK, check())
    except CheckWarning as warning:
        return Check(name, Verdict.WARN, str(warning), warning.fix)
    except GateliftError as error:
        return Check(name, Verdict.FAIL, told(error), error.hint)
