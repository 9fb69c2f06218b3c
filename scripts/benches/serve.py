"""Compares `python -m scoring` with vLLM's own two fronts in one run; any endpoint is measured by `gatelift bench`."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from serving.about import about, say
from serving.client import Client
from serving.matrix import AXES, PLAIN, QUICK, WHOLE, cells
from serving.processes import clean_up_at_sigterm, rust_program
from serving.report import as_markdown, tables, write_page
from serving.responses import run_surfaces
from serving.runs import Bench, parse_arms, run_cells, run_starts
from serving.targets import seen

ARMS = "bare;rust;ours;ours:SCORING_FRONT=python"


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench serve", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="what the table of targets needs: ten minutes")
    words = "Any of these: the product of their values alone, with the value in [] for the others."
    cells_of = parser.add_argument_group("cells", words)
    for name, values in AXES.items():
        cells_of.add_argument(f"--{name}", help=f"of {','.join(map(str, values))} [{PLAIN[name][0]}]", metavar="A,B")
    parser.add_argument(
        "--arms",
        default=ARMS,
        help="what is compared with the first, split by ';': bare (vLLM's Python front), rust (vLLM's Rust front),"
        f" ours, ours:NAME=VALUE,…; one that is named twice shows the noise (default {ARMS})",
    )
    parser.add_argument("--rounds", type=int, help="times that every arm is measured in a cell (default 5, quick 3)")
    parser.add_argument("--starts", action="store_true", help="cold starts alone, one in each round, no load")
    words = "Responses beside chat alone, so many requests of each of 16 clients a round: three minutes [10]"
    parser.add_argument("--responses", type=int, nargs="?", const=10, metavar="N", help=words)
    parser.add_argument("--out", type=Path, help="folder for report.html, .json and .md and the logs")
    parser.add_argument("--markdown", type=Path, metavar="JSON", help="only print the tables of this report.json")
    return parser.parse_args()


def main() -> None:
    """Measure, print the tables, and write them as Markdown, HTML and JSON."""
    arguments = parse_arguments()
    if arguments.markdown:
        say(as_markdown(tables(json.loads(arguments.markdown.read_text()))))
        return
    rust_program()  # without it, end before the servers are started
    out = arguments.out or Path(tempfile.mkdtemp(prefix="bench-serve-"))
    out.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"about": about(" ".join(["scripts/bench serve", *sys.argv[1:]]))}
    if arguments.responses:
        bench = Bench(parse_arms(arguments.arms.replace("rust;", "")), arguments.rounds or 3, Client(out), say)
        document["surfaces"] = run_surfaces(bench, arguments.responses)
    else:
        document |= side_by_side(arguments, out)
    markdown = as_markdown(tables(document))
    (out / "report.json").write_text(json.dumps(document, indent=1))
    (out / "report.md").write_text(markdown)
    write_page(document, out / "report.html")
    say(f"\n{markdown}\nwritten: {out}/report.html, report.md, report.json")


def side_by_side(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Compare the arms in every chosen cell, or their cold starts."""
    rounds = arguments.rounds or (3 if arguments.quick else 5)
    bench = Bench(parse_arms(arguments.arms), rounds, Client(out), say)
    chosen = {name: _values(name, text) for name in AXES if (text := getattr(arguments, name))}
    if arguments.starts:
        found: dict[str, Any] = {"starts": run_starts(bench, chosen.get("engines", ["null"]))}
    else:
        found = run_cells(bench, cells([chosen] if chosen else QUICK if arguments.quick else WHOLE))
    document = {"arms": [arm.label for arm in bench.arms], **found}
    return {**document, "targets": seen(document)}


def _values(name: str, text: str) -> list[Any]:
    known = AXES[name]
    try:
        values = [type(known[0])(word) for word in text.split(",")]
    except ValueError:
        raise SystemExit(f"--{name} {text}: no number") from None
    if isinstance(known[0], str) and not set(values) <= set(known):
        raise SystemExit(f"--{name} {text}: choose from {', '.join(known)}")
    return values


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()
