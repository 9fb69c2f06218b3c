"""What became of the touched names of vLLM from one version to another."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from upgrading.touched import ANY, Scan
from upgrading.trees import Definition, VllmTree

GONE, MOVED, CALLED, BODY = "gone", "moved", "signature", "inside"  # the worst first
MOST_FILES = 12  # in which an attribute is assigned: of one with more, nothing can be said
RESULT = re.compile(r"\(\)|\[\]")


@dataclass(frozen=True)
class Change:
    """One change: its kind, the name, what exactly, and the files that touch it."""

    kind: str
    name: str
    detail: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Touched:
    """A name of vLLM, with the files that touch it and the keywords that it is called with."""

    name: str
    places: tuple[str, ...]
    keywords: frozenset[str]


@dataclass(frozen=True)
class Comparison:
    """The changes, of how many names and attributes they are the changed ones."""

    changes: list[Change]
    names: int
    attributes: int
    variables: int


def compare(scan: Scan, old: VllmTree, new: VllmTree) -> Comparison:
    """Compare everything that is touched in two trees of vLLM."""
    names, attributes = names_of(scan), attributes_of(scan)
    changes = [change for one in names if (change := change_of(one, scan.table, old, new)) is not None]
    changes += attribute_changes(attributes, old, new)
    changes += variable_changes(scan.variables, old, new)
    order = (GONE, MOVED, CALLED, BODY)
    changes.sort(key=lambda change: (order.index(change.kind), change.name))
    return Comparison(changes, len(names), len(attributes), len(scan.variables))


def names_of(scan: Scan) -> list[Touched]:
    """The names that can be looked up: what is in front of a call or subscript."""
    places: dict[str, set[str]] = {f"@{name}": set() for name in scan.table}
    keywords: dict[str, set[str]] = {}
    for use in scan.uses:
        name, *rest = RESULT.split(use.path, maxsplit=1)
        if name.startswith("@") or ("." in name and not name.startswith(ANY)):
            places.setdefault(name, set()).add(use.where)
            if not rest and use.keywords:
                keywords.setdefault(name, set()).update(use.keywords)
    whole = [name for name in places if not any(other.startswith(f"{name}.") for other in places)]
    return [
        Touched(name, tuple(sorted(places[name])), frozenset(keywords.get(name, ())))
        for name in sorted(places)
        if name in whole or name in keywords or name.startswith("@")
    ]


def attributes_of(scan: Scan) -> dict[str, set[str]]:
    """The attributes that are used of results and of values annotated `Any`, with the files that use them."""
    found: dict[str, set[str]] = {}
    for use in scan.uses:
        head = RESULT.search(use.path)
        rest = use.path[1:] if use.path.startswith(ANY) else use.path[head.end() :] if head else ""
        for name in re.findall(r"\.(\w+)", rest):
            if not name.startswith("__"):
                found.setdefault(name, set()).add(use.where)
    return found


def change_of(touched: Touched, table: Mapping[str, set[str]], old: VllmTree, new: VllmTree) -> Change | None:
    """What became of one name; None where it is the same, or where the old vLLM has none of it either."""
    before, after = placed(touched.name, table, old), placed(touched.name, table, new)
    was = old.find(before) if before else None
    now = new.find(after) if after else None
    if was is None:
        return None
    name, places = touched.name.removeprefix("@"), touched.places
    if now is None:
        last = name.split(".")[0] if touched.name.startswith("@") else name.split(".")[-1]
        elsewhere = new.defining(last)[:3]
        detail = f"{before} is gone" + (f"; there is {' and '.join(elsewhere)}" if elsewhere else "")
        return Change(GONE, name, detail, places)
    if lost := sorted(touched.keywords - now.parameters) if not now.takes_any else []:
        return Change(GONE, name, f"no longer takes {', '.join(lost)}", places)
    if was.signature != now.signature:
        return Change(CALLED, name, parameters_changed(was, now), places)
    lines = f"inside {lines_changed(was.text, now.text)}" if was.text != now.text else ""
    if before != after:
        where = f"{before} → {after}, as versions.py has it".replace(f".{name}", "")
        return Change(MOVED, name, f"{where}; {lines}".removesuffix("; "), places)
    if lines:
        return Change(BODY, name, lines.removeprefix("inside "), places)
    return None


def placed(name: str, table: Mapping[str, set[str]], tree: VllmTree) -> str | None:
    """The dotted name in a tree; of a name in a table that of the first of its modules which has it."""
    if not name.startswith("@"):
        return name
    first, dot, rest = name[1:].partition(".")
    found = [f"{module}.{first}" for module in sorted(table[first]) if tree.find(f"{module}.{first}")]
    return f"{found[0]}{dot}{rest}" if found else f"{min(table[first])}.{first}{dot}{rest}"


def attribute_changes(attributes: Mapping[str, set[str]], old: VllmTree, new: VllmTree) -> Iterable[Change]:
    """Attributes that the old vLLM assigns in a few files, and the new one nowhere or in others."""
    names = frozenset(attributes)
    before, after = old.assigning(names), new.assigning(names)
    for name in sorted(names):
        if not 1 <= len(before[name]) <= MOST_FILES or before[name] & after[name]:
            continue
        was, now = min(before[name]), min(after[name], default="")
        kind, detail = (MOVED, f"{was} → {now}") if now else (GONE, f"no file assigns it; {was} did")
        yield Change(kind, f".{name}", detail, tuple(sorted(attributes[name])))


def variable_changes(variables: Iterable[str], old: VllmTree, new: VllmTree) -> Iterable[Change]:
    """Environment variables that the old vLLM reads, and the new one does not."""
    before, after = old.everything(), new.everything()
    for name in sorted(variables):
        if name in before and name not in after:
            yield Change(GONE, name, "no longer read", ())


def parameters_changed(was: Definition, now: Definition) -> str:
    """Which parameters came and went."""
    before, after = (re.split(r", (?![^(\[{]*[)\]}])", one.signature) for one in (was, now))
    gone = [f"-{one}" for one in before if one not in after]
    come = [f"+{one}" for one in after if one not in before]
    return " ".join(gone + come) or "another order"


def lines_changed(before: str, after: str) -> str:
    """How many lines came and went, after their form and comments have been made the same."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return f"+{sum(line.startswith('+') for line in lines)} -{sum(line.startswith('-') for line in lines)}"


def requirement_changes(old: Path, new: Path) -> list[str]:
    """The requirements that differ between two wheels' METADATA, of those without a condition."""
    before, after = requirements(old), requirements(new)
    return [
        f"{name}{after.get(name, ' gone')}" + (f" (was {before[name] or 'any'})" if name in before else " (new)")
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def requirements(metadata: Path) -> dict[str, str]:
    """The versions of the packages that a wheel's METADATA requires; those of extras left out."""
    lines = [
        line.removeprefix("Requires-Dist: ") for line in metadata.read_text().splitlines() if "Requires-Dist" in line
    ]
    return {
        match[1].lower(): match[2].strip()
        for line in lines
        if "extra ==" not in line and (match := re.match(r"([\w.-]+)(?:\[[^\]]*\])?\s*([^;]*)", line))
    }
