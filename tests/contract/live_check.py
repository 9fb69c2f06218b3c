"""The page docs/live-check.md: what only a subscription can settle, and what is known of each question until then.

`python -m tests.contract.live_check` writes it from risks.yaml, facts.yaml, seen.yaml and the probes of
test_live_check.py.
"""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from tests.contract.facts import HERE, NEVER, Fact, facts, linked, risks

PAGE = "docs/live-check.md"
PROBES, SEEN, TEXT = HERE / "test_live_check.py", HERE / "seen.yaml", HERE / "live-check.md"
NOBODY = "nobody has looked yet"
VERDICTS = {"fine": "fine", "fails": "would have failed", "unknown": "unknown"}


class Probe(msgspec.Struct, frozen=True):
    """One question of the list: the test that asks it, the row of risks.yaml it helps to settle, and its words."""

    test: str
    risk: str
    question: str


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a probe found on a subscription, and when."""

    seen: str
    found: str


def probes() -> list[Probe]:
    """The probes in their order: every test of test_live_check.py under `pytest.mark.probe`."""
    found = []
    for node in ast.parse(PROBES.read_text(encoding="utf-8")).body:
        marks = [
            mark for mark in getattr(node, "decorator_list", []) if ast.unparse(mark).startswith("pytest.mark.probe(")
        ]
        if isinstance(node, ast.FunctionDef) and marks:
            risk = ast.literal_eval(marks[0].args[0])  # type: ignore[attr-defined]
            found.append(Probe(node.name, risk, (ast.get_docstring(node) or "").rstrip(".")))
    return found


def sightings(file: Path = SEEN) -> dict[str, Sighting]:
    """What was seen on a subscription, by the name of the probe."""
    yaml = YAML(typ="safe", pure=True)
    document: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8")) or {}
    texts = {test: {key: str(value) for key, value in entry.items()} for test, entry in document.items()}
    return msgspec.convert(texts, dict[str, Sighting])


def record(found: dict[str, str], on: date, file: Path = SEEN) -> None:
    """Write what the probes found on a subscription into the file, beside what others found earlier."""
    known = {test: msgspec.to_builtins(sighting) for test, sighting in sightings(file).items()}
    known |= {test: {"seen": on.isoformat(), "found": text} for test, text in found.items()}
    head = "".join(line + "\n" for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    yaml = YAML()
    yaml.width = 10_000
    with file.open("w", encoding="utf-8") as stream:
        stream.write(head)
        yaml.dump(known, stream)


def page() -> str:
    """The page: the text of live-check.md with its list and its table filled in."""
    text = TEXT.read_text(encoding="utf-8")
    return text.replace("{list}", "\n".join(_list())).replace("{table}", "\n".join(_table()))


def _list() -> Iterator[str]:
    known = sightings()
    yield "| row | question | found on Azure | seen | test |"
    yield "| --- | --- | --- | --- | --- |"
    for probe in probes():
        sighting = known.get(probe.test, Sighting(NEVER, NOBODY))
        test = linked(f"tests/contract/{PROBES.name}::{probe.test}")
        yield f"| {probe.risk or '–'} | {probe.question} | {sighting.found} | {sighting.seen} | {test} |"


def _table() -> Iterator[str]:
    yield "| row | subject | verdict | emulator does it (test) | gatelift handles it (test) | last seen live |"
    yield "| --- | --- | --- | --- | --- | --- |"
    known = facts()
    for risk in risks():
        mine = [fact for fact in known if fact.risk == risk.row]
        cells = (risk.row, risk.subject, VERDICTS[risk.verdict], _tests(mine, "emulator"), _tests(mine, "gatelift"))
        yield f"| {' | '.join(cells)} | {_last_seen(mine)} |"


def _tests(mine: list[Fact], field: str) -> str:
    named = dict.fromkeys(linked(fact.tests[field]) for fact in mine if field in fact.tests)
    return "<br>".join(named) or "no test"


def _last_seen(mine: list[Fact]) -> str:
    dates = [fact.last_seen_live for fact in mine if fact.last_seen_live != NEVER]
    return f"{len(dates)} of {len(mine)} facts, the last on {max(dates)}" if dates else NEVER


def main() -> None:
    """Write the page."""
    (Path(__file__).resolve().parents[2] / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
