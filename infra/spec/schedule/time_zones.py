"""Azure Monitor's names of time zones by their IANA names; Azure takes those of Windows only."""

import difflib
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "time_zones.txt"


def windows_name(zone: str) -> str:
    """Azure Monitor's name of a time zone such as `Europe/Berlin`, in any case; empty where there is no such zone."""
    found = _known().get(zone.lower())
    return found[1] if found else ""


def iana_name(zone: str) -> str:
    """The name of a known time zone in its usual spelling."""
    return _known()[zone.lower()][0]


def near(zone: str) -> list[str]:
    """The names of up to three time zones that are spelled much like this one, or whose city is."""
    known = [name for name, _ in _known().values()]
    by_city = {name.rpartition("/")[2].lower(): name for name in known}
    asked = zone.lower().replace(" ", "_")
    close = difflib.get_close_matches(asked.rpartition("/")[2], by_city, n=3, cutoff=0.7)
    whole = difflib.get_close_matches(asked, _known(), n=3, cutoff=0.7)
    return list(dict.fromkeys([*(by_city[each] for each in close), *(_known()[each][0] for each in whole)]))[:3]


@cache
def _known() -> dict[str, tuple[str, str]]:
    """By name in lower case: the name, and Azure's."""
    found: dict[str, tuple[str, str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            windows, _, names = line.partition(" = ")
            found |= {name.lower(): (name, windows) for name in names.split()}
    return found
