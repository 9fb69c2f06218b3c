"""What Azure does, each fact with its source and the tests that show it: reads and checks facts.yaml.

Also reads risks.yaml, the questions about real Azure in the order of docs/live-check.md.
"""

import ast
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FACTS, RISKS = HERE / "facts.yaml", HERE / "risks.yaml"
NEVER = "never"
TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<function>\w+)(?:::(?P<method>\w+))?(\[.+\])?")
Row = TypeVar("Row", bound=msgspec.Struct)


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that Azure does; `live` is the test of tests/contract that sees it on a subscription."""

    fact: str
    source: str
    last_seen_live: str
    emulator: str = ""
    gatelift: str = ""
    live: str = ""
    risk: str = ""

    @property
    def tests(self) -> dict[str, str]:
        """The ids of its tests by the field that names them."""
        named = {"emulator": self.emulator, "gatelift": self.gatelift, "live": self.live}
        return {field: id for field, id in named.items() if id}


class Risk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question about real Azure: what public evidence says of it before anybody has looked."""

    row: str
    subject: str
    verdict: str


def facts() -> list[Fact]:
    """Every fact of facts.yaml; raises `msgspec.ValidationError` for an unknown, missing or wrongly typed field."""
    return _read(FACTS.read_text(encoding="utf-8"), Fact)


def risks() -> list[Risk]:
    """Every row of risks.yaml, in its order."""
    return _read(RISKS.read_text(encoding="utf-8"), Risk)


def mistakes(fact: Fact, rows: set[str]) -> Iterator[str]:
    """What is wrong with a fact: a date that is none, a test or a row of the risks that does not exist."""
    if not fact.fact.strip() or not fact.source.strip():
        yield "fact and source must say something"
    if not (fact.emulator or fact.gatelift):
        yield "no test: name one under emulator or gatelift"
    if fact.risk and fact.risk not in rows:
        yield f"risk {fact.risk!r} is no row of risks.yaml"
    if fact.last_seen_live != NEVER:
        try:
            seen = date.fromisoformat(fact.last_seen_live)
        except ValueError:
            yield f"last_seen_live {fact.last_seen_live!r} is neither `never` nor a date YYYY-MM-DD"
        else:
            if seen > date.today():
                yield f"last_seen_live {fact.last_seen_live} lies in the future"
    for field, id in fact.tests.items():
        if not exists(id):
            yield f"{field}: there is no test {id}"
    if fact.live and not fact.live.startswith("tests/contract/"):
        yield f"live: {fact.live} does not run against a subscription; only tests/contract does"


def exists(id: str) -> bool:
    """Whether a test with this id is in the tree, by its file and its function; parameters are not looked at."""
    match = TEST.fullmatch(id)
    if match is None or not (ROOT / match["file"]).is_file():
        return False
    path = [name for name in (match["function"], match["method"]) if name]
    return "::".join(path) in _functions(ROOT / match["file"])


def linked(id: str) -> str:
    """A test as pages show it: its function, linked to its file."""
    file, _, function = id.partition("::")
    return f"[`{function}`](../{file})" if id else ""


def seen(text: str, passed: set[str], on: date) -> str:
    """The text of facts.yaml with this date where the test under `live` is one of those that passed."""
    head, *blocks = re.split(r"(?m)^(?=- )", text)
    rows = _read(text, Fact)
    dated = [
        re.sub(r"(?m)^(\s+last_seen_live:).*$", rf"\1 {on.isoformat()}", block) if fact.live in passed else block
        for block, fact in zip(blocks, rows, strict=True)
    ]
    return head + "".join(dated)


def _read(text: str, row: type[Row]) -> list[Row]:
    yaml = YAML(typ="safe", pure=True)
    return msgspec.convert(_with_text(yaml.load(text)), list[row], strict=True)  # type: ignore[valid-type]


def _with_text(value: Any) -> Any:
    """The value with dates and numbers as they are written, since `risk: 5` and a date are texts here."""
    if isinstance(value, list):
        return [_with_text(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _with_text(entry) for key, entry in value.items()}
    return str(value) if isinstance(value, int | date) and not isinstance(value, bool) else value


@cache
def _functions(file: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(name for name in names if name.rpartition("::")[2].startswith("test_"))
