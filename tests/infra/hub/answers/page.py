"""The page of the documentation on the Hub's answers: `python -m tests.infra.hub.answers.page` writes it."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.paths import bundled
from infra.planning.desired import Sources
from tests.infra.hub.answers.rows import ROWS
from tests.infra.hub.answers.stage import Outcome, open_stage

PAGE = Path(__file__).resolve().parents[4] / "docs" / "hub-answers.md"
CONTAINER = Path(__file__).resolve().parents[2] / "container"
HEAD = """# What the Hub answers, and what gatelift says

For each answer of the Hub: how `doctor`, `token verify`, `plan`, `up` and the start of a container end. Where a
sentence has a hint, it follows the arrow; lines in italics come before, on stderr. `doctor` has many checks: here are
those of the model, what is wrong or else what they found. A test runs all of it against the emulated Hub, with the
emulator's fault rules where it has to misbehave, and `python -m tests.infra.hub.answers.page` writes this page from
that. `GATELIFT_HUB_TIMEOUT` is one second there; [recovery](recovery.md) has the settings.

A token is sent only where the model needs one, and only to the Hub's own host.
"""
TABLE = ["| command | exit | code | says |", "| --- | --- | --- | --- |"]
Found = Mapping[str, Mapping[str, Outcome]]


def page(found: Found) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(name, outcomes) for name, outcomes in found.items())])


def run_all(folder: Path) -> dict[str, dict[str, Outcome]]:
    """The outcomes by the names of rows and commands."""
    with open_stage(folder, Sources(CONTAINER, bundled("environments") / "vllm")) as stage:
        return {row.name: dict(stage.run(row)) for row in ROWS}


def _section(name: str, outcomes: Mapping[str, Outcome]) -> str:
    groups: dict[tuple[int, str, str], list[str]] = {}
    for command, outcome in outcomes.items():
        groups.setdefault((outcome.exit, outcome.code, _said(outcome)), []).append(command)
    lines = [_line(", ".join(commands), *of) for of, commands in groups.items()]
    return "\n".join([f"## {name[0].upper()}{name[1:]}", "", *TABLE, *lines, ""])


def _line(commands: str, exit: int, code: str, said: str) -> str:
    return f"| {commands} | {exit} | {f'`{code}`' if code else ''} | {said} |"


def _said(outcome: Outcome) -> str:
    meanwhile = "".join(f"*{line}*; " for line in outcome.meanwhile)
    arrow = f" → {outcome.hint}" if outcome.hint else ""
    return f"{meanwhile}{outcome.says}{arrow}".replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="gatelift-hub-") as folder:
        text = page(run_all(Path(folder)))
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
