"""Remembers how long each phase took the last time, to show an estimate while it runs. Nothing else is kept."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.paths import cache_dir, default_emulator_state
from infra.reporter import Phase

FILE = "phase-times.json"
MOST_STACKS = 50
# Before the first run: from Hugging Face's guide to gated models on Azure ML, which only speaks of the deployment.
WITHOUT_RECORD = {"azure": {"deployment": "≈ 10-15 min"}, "local": {}}


class Estimates:
    """The times of one stack, in Azure or on this machine; those of another stack until this one has its own."""

    def __init__(self, environ: Mapping[str, str], *, stack: str, local: bool) -> None:
        # Beside the emulator's state, so that local runs leave nothing elsewhere.
        self._file = (default_emulator_state(environ) if local else cache_dir(environ)) / FILE
        self._where, self._stack = "local" if local else "azure", stack
        self._known = _read(self._file)

    def expected(self, kind: str) -> str:
        """An estimate for this kind of phase, e.g. `≈ 6 min`; empty if none is known."""
        stacks = self._known.get(self._where, {})
        latest = [stacks[self._stack]] if self._stack in stacks else []
        for times in (*latest, *reversed(list(stacks.values()))):
            if kind in times:
                return rounded(float(times[kind]))
        return WITHOUT_RECORD[self._where].get(kind, "")

    def seen(self, kind: str) -> float | None:
        """How many seconds this kind of phase of this very stack took the last time; None if nobody has seen one."""
        found = self._known.get(self._where, {}).get(self._stack, {}).get(kind)
        return None if found is None else float(found)

    def keep(self, phases: Iterable[Phase]) -> None:
        """Remember how long this run's phases took; a file that cannot be written is ignored."""
        times = {kind: round(seconds, 1) for kind, _, seconds, _ in phases}
        if not times:
            return
        known = _read(self._file)  # another run may have changed it meanwhile
        stacks = known.setdefault(self._where, {})
        stacks[self._stack] = {**stacks.pop(self._stack, {}), **times}
        known[self._where] = dict(list(stacks.items())[-MOST_STACKS:])
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            written = self._file.with_suffix(".new")
            written.touch(mode=0o600)  # the names of stacks are private
            written.write_text(json.dumps(known, indent=1), encoding="utf-8")
            written.replace(self._file)


def rounded(seconds: float) -> str:
    """The duration as people say it."""
    if seconds < 1:
        return "< 1 s"
    return f"≈ {seconds:.0f} s" if seconds < 90 else f"≈ {seconds / 60:.0f} min"


def _read(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {where: {stack: dict(times) for stack, times in stacks.items()} for where, stacks in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
