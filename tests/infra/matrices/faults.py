"""The fault matrix: every kind of fault at every request of `up` and of `down`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.infra.matrices.inventory import difference, inventory, stored_token
from tests.infra.matrices.recovery import Clean, converged, noise, said
from tests.infra.matrices.stage import GOOD, Stage
from tests.infra.matrices.steps import Step
from tests.infra.matrices.table import Row

ONCE: dict[str, dict[str, Any]] = {
    "429 with Retry-After, twice": {"status": 429, "headers": {"Retry-After": "1"}, "times": 2},
    "500 twice": {"status": 500, "times": 2},
    "502 twice": {"status": 502, "times": 2},
    "503 twice": {"status": 503, "times": 2},
    "504 twice": {"status": 504, "times": 2},
    "connection reset": {"reset": True, "times": 1},
    "hang": {"hang": True, "times": 1},
    "slow": {"delay": 1.0, "times": 1},
    "expired token": {"status": 401, "code": "ExpiredAuthenticationToken", "times": 1},
    "answer lost after the write": {"after": True, "times": 1},
}
FOR_GOOD: dict[str, dict[str, Any]] = {
    "503 for good": {"status": 503},
    "unreachable for good": {"reset": True},
    "hang for good": {"hang": True},
    "expired token for good": {"status": 401, "code": "ExpiredAuthenticationToken"},
}
OPERATIONS: dict[str, dict[str, Any]] = {
    "its operation fails": {"operation": {"code": "InternalServerError", "message": "Injected."}, "times": 1},
    "its operation finds no capacity": {"operation": {"code": "OutOfCapacity", "message": "No hosts."}, "times": 1},
    "its operation never ends": {"operation": "never"},
}
AT_READS = ("connection reset", "expired token", "503 for good")
FAULTS = ONCE | FOR_GOOD | OPERATIONS
PATIENT = {"GATELIFT_REQUEST_TIMEOUT": "3", "GATELIFT_OPERATION_TIMEOUT": "30"}
IMPATIENT = {"GATELIFT_REQUEST_TIMEOUT": "3", "GATELIFT_OPERATION_TIMEOUT": "4"}
OUTSIDE = (
    Step("*", "the Hub", target="hub"),
    Step("POST", "v1/chat/completions", target="endpoint"),
)


@dataclass(frozen=True)
class Case:
    """One fault at one step."""

    step: Step
    fault: str

    def rule(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The emulator's fault rule for this case."""
        return self.step.rule(spec, **FAULTS[self.fault])

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables with the command's timeouts."""
        quick = self.fault in OPERATIONS or self.step.target == "endpoint"
        return IMPATIENT if quick and (self.fault in FOR_GOOD or "never" in self.fault) else PATIENT


def cases(found: tuple[Step, ...], outside: tuple[Step, ...] = ()) -> list[Case]:
    """Every fault at every step that changes something or waits, and the faults of `AT_READS` at each kind of read."""
    chosen = [step for step in found if step.writes or not step.skip]
    wanted = []
    for step in (*chosen, *outside):
        whole = step.writes or step.is_poll or step.target != "arm"
        wanted += [Case(step, fault) for fault in ((*ONCE, *FOR_GOOD) if whole else AT_READS)]
        if step.writes and step.path.startswith("workspaces/ws-S/onlineEndpoints/"):
            wanted += [Case(step, fault) for fault in OPERATIONS]
    return wanted


def fault_rows(stage: Stage, clean: Clean, ups: list[Case], downs: list[Case]) -> Iterator[Row]:
    """Rows for an `up` with a fault and, where it failed, another `up`; then for a `down` with a fault."""
    for number in range(max(len(ups), len(downs))):
        spec = stage.new_spec()
        if number < len(ups):
            yield up_row(stage, clean, spec, ups[number])
        if number < len(downs):
            yield down_row(stage, clean, spec, downs[number])
        stage.clear_away(spec)


def up_row(stage: Stage, clean: Clean, spec: dict[str, Any], case: Case) -> Row:
    """Run `up` with the fault; where it ends in an error, run it again without."""
    stage.faults(case.rule(spec))
    first = stage.run("up", spec, GOOD, **case.environ)
    struck = stage.rules()[0]["struck"]
    stage.faults()
    wrong, ended = ["" if struck else "the fault did not strike", said(first)], "converged"
    if not first.good:
        ended = f"error {first.error.get('code')}"
        again = stage.run("up", spec, None if stored_token(stage, spec) else GOOD)
        wrong.append("" if again.good else f"up again: {again.error or again.unexpected}")
    wrong += [*converged(stage, clean, spec), noise(stage, spec)]
    return Row(f"up: {case.step.label}", case.fault, tuple(filter(None, wrong)), ended)


def down_row(stage: Stage, clean: Clean, spec: dict[str, Any], case: Case) -> Row:
    """Run `down` with the fault; after an error, `up` must restore everything and `down` delete it."""
    wrong, ended = [], "converged"
    if not inventory(stage, spec):
        ready = stage.run("up", spec)
        wrong.append("" if ready.good else f"up: {ready.error or ready.unexpected}")
    stage.faults(case.rule(spec))
    first = stage.run("down", spec, None, **case.environ)
    struck = stage.rules()[0]["struck"]
    stage.faults()
    wrong += ["" if struck else "the fault did not strike", said(first)]
    if not first.good:
        ended = f"error {first.error.get('code')}"
        back = stage.run("up", spec, None if stored_token(stage, spec) else GOOD)
        wrong.append("" if back.good else f"up after it: {back.error or back.unexpected}")
        wrong += converged(stage, clean, spec)
        again = stage.run("down", spec, None)
        wrong.append("" if again.good else f"down again: {again.error or again.unexpected}")
    wrong += [difference(inventory(stage, spec), clean.after), noise(stage, spec)]
    return Row(f"down: {case.step.label}", case.fault, tuple(filter(None, wrong)), ended)
