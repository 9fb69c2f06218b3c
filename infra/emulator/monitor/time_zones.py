"""The time zones that autoscale settings may name, which are those of Windows."""

from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

TABLE = Path(__file__).parent / "time_zones.txt"


def time_zone(name: str) -> ZoneInfo | None:
    """The zone of this name; None where Azure Monitor has none."""
    found = _table().get(name.lower())
    return ZoneInfo(found) if found else None


@cache
def _table() -> dict[str, str]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {windows.lower(): iana for windows, _, iana in (line.partition(" = ") for line in lines)}
