"""Runs the complete matrices, in parallel lanes, and prints their tables: `scripts/matrix [--lanes N] [WORD …]`."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.infra.matrices.lane import MATRICES, Share, run_lane
from tests.infra.matrices.table import Row, table


def main() -> int:
    """Run all lanes, or one of them; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/matrix", description=__doc__)
    parser.add_argument("words", nargs="*", help="only the matrices whose name has one of these words")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--lane", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = [name for name in MATRICES if not options.words or any(word in name for word in options.words)]
    if options.lane:
        number, of = map(int, options.lane.split("/"))
        with tempfile.TemporaryDirectory(prefix="gatelift-matrix-") as folder:
            for what, found in run_lane(Path(folder, "lane"), Share(number, of), chosen):
                line = [what, asdict(found) if isinstance(found, Row) else found]
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
        return 0
    return _report(_lines(options.lanes, chosen))


def report_lines(found: Iterable[tuple[str, Any]], *, whole: bool = True) -> tuple[list[str], bool]:
    """The tables of what the lanes yielded, and whether all rows are good and, of a `whole` run, all are there."""
    rows: dict[str, list[Row]] = {name: [] for name in MATRICES}
    numbers: dict[str, int] = {}
    leaks: list[str] = []
    asked = [0, 0]
    for what, value in found:
        if what == "cases of":
            numbers[value[0]] = value[1]
        elif what == "leak":
            leaks.append(value)
        elif what == "asked":
            asked = [asked[0] + value[0], asked[1] + value[1]]
        else:
            rows[what].append(value)
    lines: list[str] = []
    for name, count in numbers.items():
        lines += [*table(name, sorted(rows[name], key=lambda row: row.step), count), ""]
    lines.append(f"files with the token: {', '.join(leaks) or 'none'}")
    if asked[0]:
        lines.append(f"requests while deployments were exchanged: {asked[0]}, failed: {asked[1]}")
    good = not leaks and not asked[1] and all(row.good for found in rows.values() for row in found)
    if whole:
        good = good and all(
            len({(row.step, row.case) for row in rows[name]}) == count for name, count in numbers.items()
        )
    return lines, good


def _report(found: Iterable[tuple[str, Any]]) -> int:
    lines, good = report_lines(found)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


def _lines(lanes: int, chosen: list[str]) -> list[tuple[str, Any]]:
    """Everything that the lanes yield; a lane that fails gives a row that is wrong."""
    command = [sys.executable, "-m", "tests.infra.matrices", *chosen]
    started = []
    for number in range(lanes):
        output = tempfile.NamedTemporaryFile("w+", suffix=".jsonl")  # noqa: SIM115 read when its lane has ended
        lane = [*command, "--lane", f"{number}/{lanes}"]
        started.append((subprocess.Popen(lane, stdout=output), output))
    found: list[tuple[str, Any]] = []
    for process, output in started:
        if process.wait():
            found.append((chosen[0], Row("a lane", "ended badly", ("see its error above",))))
        output.seek(0)
        for what, value in map(json.loads, output):
            is_row = what in MATRICES
            found.append((what, Row(**{**value, "wrong": tuple(value["wrong"])}) if is_row else value))
    return found


if __name__ == "__main__":
    sys.exit(main())
