"""What must hold after a command has recovered."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.infra.matrices.child import Report
from tests.infra.matrices.inventory import difference, inventory, stored_token
from tests.infra.matrices.stage import GOOD, Stage
from tests.infra.matrices.steps import Step, steps


@dataclass(frozen=True)
class Clean:
    """The requests of an undisturbed `up` and `down`, and what they leave behind."""

    up: tuple[Step, ...]
    down: tuple[Step, ...]
    between: Counter[str]
    after: Counter[str]


def record(stage: Stage) -> Clean:
    """Run `up` and `down` undisturbed; a second `up` must not change anything."""
    spec = stage.new_spec()
    first = stage.run("up", spec)
    assert first.good, first
    between = inventory(stage, spec)
    again = stage.run("up", spec, None)
    assert again.good, again
    assert not [step for step in steps(again.requests, spec["name"]) if step.writes]
    assert inventory(stage, spec) == between
    down = stage.run("down", spec)
    assert down.good, down
    found = steps(first.requests, spec["name"]), steps(down.requests, spec["name"])
    return Clean(tuple(found[0]), tuple(found[1]), between, inventory(stage, spec))


def converged(stage: Stage, clean: Clean, spec: dict[str, Any]) -> list[str]:
    """What differs from a stack that was never disturbed."""
    lost = "" if stored_token(stage, spec) == GOOD else "the token is lost"
    return [lost, difference(inventory(stage, spec), clean.between)]


def said(report: Report) -> str:
    """Why the error of a command is not a clear one; empty where it is, or where there was none."""
    if report.unexpected:
        return f"unexpected: {report.unexpected}"
    return "" if report.good or report.error["hint"] else f"an error without a way out: {report.error}"


def noise(stage: Stage, spec: dict[str, Any]) -> str:
    """Output that a person should not have to read, such as tracebacks."""
    return "a traceback in the output" if "Traceback" in stage.output(spec) else ""
