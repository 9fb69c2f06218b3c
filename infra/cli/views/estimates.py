"""How long a phase took the last time: what a person who waits wants to know. Nothing else is kept."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.paths import cache_dir, default_emulator_state
from infra.reporter import Phase

FILE = "phase-times.json"
MOST_STACKS = 50
# Hugging Face's guide to gated models on Azure ML gives this for the deployment; nothing is known of the rest.
WITHOUT_RECORD = {"azure": {"deployment": "≈ 10-15 min"}, "local": {}}


class Estimates:
    """The times of one stack in one place; another stack's where this one has none yet."""

    def __init__(self, environ: Mapping[str, str], *, stack: str, local: bool) -> None:
        # Beside the emulator's state, so that what runs there leaves nothing elsewhere.
        self._file = (default_emulator_state(environ) if local else cache_dir(environ)) / FILE
        self._where, self._stack = "local" if local else "azure", stack
        self._known = _read(self._file)

    def expected(self, kind: str) -> str:
        """E.g. `≈ 6 min`; nothing where nothing is known."""
        stacks = self._known.get(self._where, {})
        latest = [stacks[self._stack]] if self._stack in stacks else []
        for times in (*latest, *reversed(list(stacks.values()))):
            if kind in times:
                return rounded(float(times[kind]))
        return WITHOUT_RECORD[self._where].get(kind, "")

    def keep(self, phases: Iterable[Phase]) -> None:
        """Remember what this run took; a cache that cannot be written is no error."""
        times = {kind: round(seconds, 1) for kind, _, seconds, _ in phases}
        if not times:
            return
        known = _read(self._file)  # another run may have written it meanwhile
        stacks = known.setdefault(self._where, {})
        stacks[self._stack] = {**stacks.pop(self._stack, {}), **times}
        known[self._where] = dict(list(stacks.items())[-MOST_STACKS:])
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            written = self._file.with_suffix(".new")
            written.touch(mode=0o600)  # what a person deploys is nobody else's business
            written.write_text(json.dumps(known, indent=1), encoding="utf-8")
            written.replace(self._file)


def rounded(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 1:
        return "< 1 s"
    return f"≈ {seconds:.0f} s" if seconds < 90 else f"≈ {seconds / 60:.0f} min"


def _read(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {where: {stack: dict(times) for stack, times in stacks.items()} for where, stacks in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
