"""Compares `python -m scoring` with bare vLLM in one run, or measures any OpenAI endpoint with --url."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from serving.about import about, say
from serving.compare import compare, print_comparison
from serving.endpoint import add_endpoint_arguments, run_endpoint
from serving.matrix import ENGINES, WORKLOADS, cells
from serving.processes import clean_up_at_sigterm
from serving.report import write_report
from serving.runs import Arm, parse_arm, run_matrix, run_starts
from serving.shapes import SHAPES

ALL_CELLS = {
    "engines": list(ENGINES),
    "workloads": list(WORKLOADS),
    "modes": ["stream", "whole"],
    "concurrency": [1, 16, 64, 256],
    "tokens": [64, 512],
}
QUICK = {
    "engines": ["null"],
    "workloads": ["chat"],
    "modes": ["stream", "whole"],
    "concurrency": [1, 64],
    "tokens": [64],
}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench serve", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the null engine, chat, c=1 and 64 only")
    for name, values in ALL_CELLS.items():
        also = f"; on a GPU also {','.join(SHAPES)}" if name == "engines" else ""
        parser.add_argument(f"--{name}", help=f"comma-separated, of {','.join(map(str, values))}{also}")
    parser.add_argument(
        "--arms",
        default="bare;ours;bare",
        help="what is compared with the first, split by ';': bare, ours, ours:NAME=VALUE,… (default bare;ours;bare:"
        " the second bare server shows the noise)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="times that every arm is measured in a cell (default 5)")
    parser.add_argument("--starts", type=int, default=0, help="also measure that many cold starts of each arm")
    parser.add_argument("--starts-only", action="store_true", help="measure cold starts, no load")
    parser.add_argument("--out", type=Path, default=None, help="folder for report.html, report.json and the logs")
    add_endpoint_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure, print a table, and write the JSON document and the HTML report."""
    arguments = parse_arguments()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="bench-serve-"))
    out.mkdir(parents=True, exist_ok=True)
    command = " ".join(["scripts/bench serve", *(word for word in sys.argv[1:] if word != arguments.key)])
    if arguments.url:
        document = {"endpoint": run_endpoint(arguments, say), "about": about(command)}
    else:
        document = side_by_side(arguments, out, command)
    (out / "report.json").write_text(json.dumps(document, indent=1))
    write_report(document, out / "report.html")
    say(f"\nwritten: {out}/report.html, {out}/report.json")


def side_by_side(arguments: argparse.Namespace, out: Path, command: str) -> dict[str, Any]:
    """Compare the arms in every chosen cell, and their cold starts."""
    arms: list[Arm] = []
    for text in arguments.arms.split(";"):
        arms.append(parse_arm(text, [arm.label for arm in arms]))
    chosen = {name: _choice(arguments, name) for name in ALL_CELLS}
    document: dict[str, Any] = {"about": about(command), "arms": [arm.label for arm in arms]}
    if arguments.starts or arguments.starts_only:
        repeats = arguments.starts or arguments.rounds
        starting = [arm for arm in arms if not arm.label.endswith(" again")]
        document["starts"] = {e: run_starts(starting, e, repeats, out, say) for e in chosen["engines"]}
    if not arguments.starts_only:
        matrix = cells(*(chosen[name] for name in ALL_CELLS))
        document["cells"], document["peak_mib"] = run_matrix(matrix, arms, arguments.rounds, out, say)
    document["comparison"] = compare(document)
    print_comparison(document, say)
    return document


def _choice(arguments: argparse.Namespace, name: str) -> list[Any]:
    text = getattr(arguments, name)
    known = ALL_CELLS[name]
    if not text:
        return (QUICK if arguments.quick else ALL_CELLS)[name]
    kind = type(known[0])
    values = [kind(word) for word in text.split(",")]
    choices = [*known, *SHAPES] if name == "engines" else known
    if kind is str and not set(values) <= set(choices):
        raise SystemExit(f"--{name} {text}: choose from {', '.join(choices)}")
    return values


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()
