"""Parking and waking, killed at every step: two deployments with their shares come back however often it happens."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.infra.matrices import crash
from tests.infra.matrices.change import DEPLOYMENT
from tests.infra.matrices.inventory import difference, inventory
from tests.infra.matrices.recovery import noise
from tests.infra.matrices.stage import Stage
from tests.infra.matrices.steps import steps
from tests.infra.matrices.table import Row

SIZES = ("Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4")
OTHERWISE = {"park": "wake", "wake": "park"}


@dataclass(frozen=True)
class Case:
    """A command and where it is killed."""

    verb: str
    moment: crash.Moment


class Sleeper:
    """A stack with two deployments, one of them kept for `rollback`, that is parked and woken again and again."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.spec = stage.new_spec()
        for size in SIZES:
            slow = {"instance_type": size, "environment_variables": crash.SLOW_START}
            self.spec = {**self.spec, "deployment": slow}
            report = stage.run("up", self.spec)
            assert report.good, report
        self.after: dict[str, Counter[str]] = {"wake": inventory(stage, self.spec)}
        self.moments = {verb: self._undisturbed(verb) for verb in ("park", "wake")}

    def put(self, verb: str) -> str:
        """Have the stack as it is after this command; a complaint where that fails."""
        if inventory(self.stage, self.spec) == self.after[verb]:
            return ""
        report = self.stage.run(verb, self.spec, None)
        return "" if report.good else f"{verb}: {report.error or report.unexpected}"

    def _undisturbed(self, verb: str) -> list[crash.Moment]:
        report = self.stage.run(verb, self.spec, None)
        assert report.good, report
        found = inventory(self.stage, self.spec)
        assert self.after.setdefault(verb, found) == found, difference(found, self.after[verb])
        return crash.moments(tuple(steps(report.requests, self.spec["name"])))


def park_cases(sleeper: Sleeper) -> list[Case]:
    """Every moment of a park and of a wake."""
    return [Case(verb, moment) for verb, found in sleeper.moments.items() for moment in found]


def park_rows(sleeper: Sleeper, chosen: list[Case]) -> Iterator[Row]:
    """Rows for a command that is killed and the same one after it."""
    for case in chosen:
        stage, spec, verb = sleeper.stage, sleeper.spec, case.verb
        wrong = [sleeper.put(OTHERWISE[verb])]
        wrong.append(crash.kill_at(stage, verb, spec, case.moment, None))
        wrong.append(crash.go_on(stage, verb, spec, None, crash.running(stage, spec)))
        wrong += [difference(inventory(stage, spec), sleeper.after[verb]), noise(stage, spec)]
        yield Row(named(case)[0], case.moment.when, tuple(filter(None, wrong)))


def named(case: Case) -> tuple[str, str]:
    """The step and the moment, the deployments without the part of their names that differs between runs."""
    step = replace(case.moment.step, path=DEPLOYMENT.sub(_role, case.moment.step.path))
    return f"{case.verb}: {step.label}", case.moment.when


def _role(match: Any) -> str:
    return match[1] + ("blue" if match[0].endswith("/blue") else "*")
