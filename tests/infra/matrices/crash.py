"""The crash matrix: kills a command at every request that changes something and during every long operation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.infra.matrices.inventory import difference, inventory, stored_token
from tests.infra.matrices.recovery import Clean, converged, noise
from tests.infra.matrices.stage import GOOD, Run, Stage, wait_for
from tests.infra.matrices.steps import POLL, Step
from tests.infra.matrices.table import Row

BEFORE, AFTER = "before the request", "after it, the answer lost"
RUNNING, STARTING, OVER = "while its operation runs", "while the container starts", "its operation over, unseen"
SLOW_START = {"CONTAINER": "sleep"}
HELD = ("onlineEndpoints/S-endpoint", "onlineEndpoints/S-endpoint/deployments/")


@dataclass(frozen=True)
class Moment:
    """Where a command is killed."""

    step: Step
    when: str


def moments(found: tuple[Step, ...]) -> list[Moment]:
    """Every moment at which to kill a command, from the requests of an undisturbed run."""
    wanted = []
    for step in found:
        if step.writes:
            wanted += [Moment(step, BEFORE), Moment(step, AFTER)]
            if step.path.startswith("workspaces/ws-S/onlineEndpoints/"):
                wanted += [Moment(step, RUNNING), Moment(step, OVER)]
                if "/deployments/" in step.path and step.method == "PUT":
                    wanted.append(Moment(step, STARTING))
    return wanted


def crash_rows(stage: Stage, clean: Clean, ups: list[Moment], downs: list[Moment]) -> Iterator[Row]:
    """Rows for an `up` that is killed and the `up` after it, then for a `down` of that stack that is killed."""
    for number in range(max(len(ups), len(downs))):
        moment = ups[number] if number < len(ups) else None
        slow = {"environment_variables": SLOW_START} if moment and moment.when == STARTING else {}
        spec = stage.new_spec(deployment={"instance_type": "Standard_NC24ads_A100_v4", **slow})
        if moment:
            yield up_row(stage, clean, spec, moment)
        if number < len(downs):
            yield down_row(stage, clean, spec, downs[number])
        stage.clear_away(spec)


def up_row(stage: Stage, clean: Clean, spec: dict[str, Any], moment: Moment) -> Row:
    """Kill `up`, then run `up` again: the result must be that of an undisturbed run."""
    wrong = [kill_at(stage, "up", spec, moment, GOOD)]
    token = None if stored_token(stage, spec) else GOOD
    wrong.append(go_on(stage, "up", spec, token, running(stage, spec)))
    wrong += [*converged(stage, clean, spec), once(stage, spec, "put-deployment"), noise(stage, spec)]
    return Row(f"up: {moment.step.label}", moment.when, tuple(filter(None, wrong)))


def down_row(stage: Stage, clean: Clean, spec: dict[str, Any], moment: Moment) -> Row:
    """Kill `down`, then run `down` again: nothing that it deletes may be left."""
    wrong = []
    if not inventory(stage, spec):
        ready = stage.run("up", spec)
        wrong.append("" if ready.good else f"up: {ready.error or ready.unexpected}")
    wrong.append(kill_at(stage, "down", spec, moment, None))
    wrong.append(go_on(stage, "down", spec, None, running(stage, spec)))
    wrong.append(difference(inventory(stage, spec), clean.after))
    wrong += [once(stage, spec, "delete-endpoint"), noise(stage, spec)]
    return Row(f"down: {moment.step.label}", moment.when, tuple(filter(None, wrong)))


def kill_at(stage: Stage, verb: str, spec: dict[str, Any], moment: Moment, token: str | None) -> str:
    """Run the command and kill it at that moment; an operation that it started continues or, for `RUNNING`, is held."""
    held = moment.when == RUNNING
    hold = moment.step.rule(spec, operation="never", times=1)
    if moment.when in (BEFORE, AFTER):
        stage.faults(moment.step.rule(spec, hang=True, times=1, **({"after": True} if moment.when == AFTER else {})))
    else:
        stage.faults(hold)
    run = stage.begin(verb, spec, token)
    wrong = _arrive(stage, spec, moment, run, hold)
    run.kill()
    if not held:
        stage.faults()
    return wrong


def _arrive(stage: Stage, spec: dict[str, Any], moment: Moment, run: Run, hold: dict[str, Any]) -> str:
    """Wait until the command has reached the moment."""
    if moment.when in (BEFORE, AFTER):
        return wait_for("at the request", lambda: stage.rules()[0]["hanging"], run)
    wrong = wait_for("in the operation", lambda: stage.rules()[0]["struck"] and running(stage, spec), run)
    if wrong:
        return wrong
    poll = {"method": "GET", "path": POLL, "hang": True}
    if moment.when == STARTING:
        stage.faults()
        return wait_for("starting", lambda: any(not one["ready"] for one in stage.instances(spec)), run)
    keep = {**hold, "path": "nothing else", "times": 0}  # the operation that is held stays so; no other one is
    stage.faults(keep, poll)
    wrong = wait_for("polling", lambda: stage.rules()[1]["hanging"], run)
    if wrong or moment.when == RUNNING:
        return wrong
    stage.faults(poll)
    return wait_for("over", lambda: not running(stage, spec), run)


def go_on(stage: Stage, verb: str, spec: dict[str, Any], token: str | None, begun: list[dict[str, Any]]) -> str:
    """Run the command again; where an operation is still running, check that it waits for that same one."""
    watched = [one for one in stage.rules() if one.get("operation")]
    run = None
    wrong = ""
    if watched and begun:
        # Azure names a running PUT in the resource's properties, but not a DELETE: then the resource is polled.
        itself = f"|{begun[-1]['resource']}\\?" if begun[-1]["kind"].startswith("delete") else ""
        look = {"method": "GET", "path": f"{POLL}/{begun[-1]['name']}{itself}", "delay": 0.0}
        stage.faults(*[{**one, "times": 0} for one in map(_definition, watched)], look)
        run = stage.begin(verb, spec, token)
        wrong = wait_for("waiting for the operation that runs", lambda: stage.rules()[-1]["struck"] > 2, run)
    stage.faults()
    report = (run or stage.begin(verb, spec, token)).report()
    return "; ".join(filter(None, [wrong, "" if report.good else str(report.error or report.unexpected)]))


def _definition(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in ("struck", "hanging")}


def running(stage: Stage, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations that are running now."""
    return [one for one in stage.operations(spec) if one["status"] == "InProgress"]


def once(stage: Stage, spec: dict[str, Any], kind: str) -> str:
    """A complaint unless there was exactly one operation of this kind; else empty."""
    count = len(stage.operations(spec, kind))
    return "" if count == 1 else f"{count} operations {kind} instead of 1"
