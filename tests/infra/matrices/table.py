"""The rows of a matrix, and the table that is printed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One case: the step, what happened there, how the command ended, and everything that is wrong afterwards."""

    step: str
    case: str
    wrong: tuple[str, ...] = ()
    ended: str = "converged"

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


def table(title: str, rows: Iterable[Row], of: int) -> list[str]:
    """A table, one line for each step: `.` converged, `e` a clear error and then converged, `X` wrong, listed below."""
    rows = list(rows)
    cases = list(dict.fromkeys(row.case for row in rows))
    found = {(row.step, row.case): row for row in rows}
    width = max((len(row.step) for row in rows), default=0)
    lines = [f"{title}: {len(found)} of {of} cases"]
    lines += [f"{'':{width}}  {'| ' * number}{case}" for number, case in enumerate(cases)]
    for step in dict.fromkeys(row.step for row in rows):
        marks = [_mark(found.get((step, case))) for case in cases]
        lines.append(f"{step:{width}}  {' '.join(marks)}")
    errors = sum(row.good and row.ended != "converged" for row in rows)
    good = sum(row.good for row in rows)
    lines.append(f"{good - errors} converged, {errors} one clear error and then converged, {len(rows) - good} wrong")
    return lines + [f"  X {row.step} | {row.case}: {'; '.join(row.wrong)[:600]}" for row in rows if not row.good]


def _mark(row: Row | None) -> str:
    if row is None:
        return " "
    return "X" if not row.good else "." if row.ended == "converged" else "e"
