"""One lane of the matrices: an emulator and a share of the cases; `quick` is the part in every test run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.infra.matrices import change, crash, faults, pairs, parks
from tests.infra.matrices.change import Changing
from tests.infra.matrices.inventory import leaks
from tests.infra.matrices.recovery import record
from tests.infra.matrices.stage import Stage
from tests.infra.matrices.table import Row

CRASH, FAULT, CHANGE_CRASH, CHANGE_FAULT = "crash matrix", "fault matrix", "crashed changes", "faults in changes"
PAIRS, PARKS = "pairs of actors", "parks and wakes killed"
MATRICES = (CRASH, FAULT, CHANGE_CRASH, CHANGE_FAULT, PAIRS, PARKS)
DEPLOYMENT, ENDPOINT = "onlineEndpoints/S-endpoint/deployments/", "onlineEndpoints/S-endpoint"
# The cases of every test run: (how the step's label ends, what happens there).
QUICK = {
    CRASH: [
        ("PUT workspaces/ws-S/connections/HuggingFaceTokenConnection", crash.AFTER),
        (f"PUT workspaces/ws-S/{DEPLOYMENT}blue", crash.RUNNING),
        (f"PUT workspaces/ws-S/{ENDPOINT} #2", crash.AFTER),
        (f"DELETE workspaces/ws-S/{ENDPOINT}", crash.RUNNING),
    ],
    FAULT: [
        (f"PUT workspaces/ws-S/{ENDPOINT}", "503 twice"),
        ("PUT workspaces/ws-S/connections/HuggingFaceTokenConnection", "unreachable for good"),
        (f"PUT workspaces/ws-S/{DEPLOYMENT}blue", "answer lost after the write"),
        (f"PUT workspaces/ws-S/{DEPLOYMENT}blue", "its operation finds no capacity"),
        ("PUT blob source/*/*.tar.gz", "hang for good"),
        ("POST providers/Microsoft.ContainerRegistry/registries/*/scheduleRun", "503 for good"),
        ("POST workspaces/ws-S/datastores/workspaceblobstore/listSecrets", "503 for good"),
        (f"DELETE workspaces/ws-S/{ENDPOINT}", "its operation fails"),
    ],
    CHANGE_CRASH: [(f"PUT workspaces/ws-S/{DEPLOYMENT}*", crash.RUNNING)],
    CHANGE_FAULT: [],
    PARKS: [
        (f"PUT workspaces/ws-S/{ENDPOINT}", crash.AFTER),  # of both
        (f"DELETE workspaces/ws-S/{DEPLOYMENT}blue", crash.RUNNING),
        (f"PUT workspaces/ws-S/{DEPLOYMENT}blue", crash.STARTING),
        ("PUT blob gatelift-parked/S-endpoint.json", crash.AFTER),
        ("DELETE blob gatelift-parked/S-endpoint.json", crash.BEFORE),
    ],
    PAIRS: [
        (f"PUT workspaces/ws-pair/{ENDPOINT}", pairs.NEIGHBOUR),
        (f"PUT workspaces/ws-pair/{DEPLOYMENT}blue", pairs.DOWN),
        (f"DELETE workspaces/ws-pair/{ENDPOINT}", pairs.UP),
        ("DELETE workspaces/ws-pair/connections/HuggingFaceTokenConnection", pairs.NEIGHBOUR),
    ],
}
T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """A selection of the cases: every n-th one, or the quick ones."""

    number: int = 0
    of: int = 1
    quick: bool = False

    def take(self, matrix: str, cases: Sequence[T], named: Callable[[T], tuple[str, str]]) -> list[T]:
        """The selected cases of a matrix."""
        if self.quick:
            return [case for case in cases if named(case) in QUICK[matrix]]
        # Each lane has recorded its own run, whose parallel requests came in another order.
        return sorted(cases, key=named)[self.number :: self.of]


def run_lane(folder: Path, share: Share, matrices: Sequence[str] = MATRICES) -> Iterator[tuple[str, Any]]:
    """Yield first `("cases of", [matrix, number])`, then `(matrix, row)` for each row, last `("leak", file)`."""
    stage = Stage(folder)
    try:
        if CRASH in matrices or FAULT in matrices:
            yield from _ups_and_downs(stage, share, matrices)
        if CHANGE_CRASH in matrices or CHANGE_FAULT in matrices:
            yield from _changes(stage, share, matrices)
        if PAIRS in matrices:
            cases = pairs.pair_cases(stage)
            yield "cases of", [PAIRS, len(cases)]
            yield from _labelled(PAIRS, pairs.pair_rows(stage, share.take(PAIRS, cases, _pair)))
        if PARKS in matrices:
            yield from _parks(stage, share)
        yield from (("leak", file) for file in leaks(stage))
    finally:
        stage.close()


def _ups_and_downs(stage: Stage, share: Share, matrices: Sequence[str]) -> Iterator[tuple[str, Any]]:
    clean = record(stage)
    if CRASH in matrices:
        ups, downs = crash.moments(clean.up), crash.moments(clean.down)
        yield "cases of", [CRASH, len(ups) + len(downs)]
        mine = [share.take(CRASH, moments, _moment) for moments in (ups, downs)]
        yield from _labelled(CRASH, crash.crash_rows(stage, clean, *mine))
    if FAULT in matrices:
        struck, struck_downs = faults.cases(clean.up, faults.OUTSIDE), faults.cases(clean.down)
        yield "cases of", [FAULT, len(struck) + len(struck_downs)]
        chosen = [share.take(FAULT, cases, _case) for cases in (struck, struck_downs)]
        yield from _labelled(FAULT, faults.fault_rows(stage, clean, *chosen))


def _changes(stage: Stage, share: Share, matrices: Sequence[str]) -> Iterator[tuple[str, Any]]:
    changing = Changing(stage)
    try:
        if CHANGE_CRASH in matrices:
            moments = change.crash_moments(changing)
            yield "cases of", [CHANGE_CRASH, len(moments)]
            mine = share.take(CHANGE_CRASH, moments, lambda one: _moment(one[1]))
            yield from _labelled(CHANGE_CRASH, change.crash_rows(changing, mine))
        if CHANGE_FAULT in matrices:
            cases = change.fault_cases(changing)
            yield "cases of", [CHANGE_FAULT, len(cases)]
            struck = share.take(CHANGE_FAULT, cases, lambda one: _case(one[1]))
            yield from _labelled(CHANGE_FAULT, change.fault_rows(changing, struck))
        yield "asked", [changing.asking.answers, len(changing.asking.failed)]
    finally:
        changing.close()


def _parks(stage: Stage, share: Share) -> Iterator[tuple[str, Any]]:
    sleeper = parks.Sleeper(stage)
    cases = parks.park_cases(sleeper)
    yield "cases of", [PARKS, len(cases)]
    yield from _labelled(PARKS, parks.park_rows(sleeper, share.take(PARKS, cases, _park)))
    stage.clear_away(sleeper.spec)


def _labelled(matrix: str, rows: Iterator[Row]) -> Iterator[tuple[str, Any]]:
    return ((matrix, row) for row in rows)


def _pair(pair: pairs.Pair) -> tuple[str, str]:
    return pair.step.label, pair.second


def _park(case: parks.Case) -> tuple[str, str]:
    label, when = parks.named(case)
    return label.partition(": ")[2], when


def _moment(moment: crash.Moment) -> tuple[str, str]:
    return moment.step.label, moment.when


def _case(case: faults.Case) -> tuple[str, str]:
    return case.step.label, case.fault
