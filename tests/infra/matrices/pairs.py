"""Two actors: at every request of the first, the second runs while that request is held; then both must be right.

What a person changes between the last read of an endpoint and the write that follows cannot be seen, since endpoints
have no ETags: there, either is right.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.infra.matrices.inventory import inventory, stored_token
from tests.infra.matrices.recovery import noise, said
from tests.infra.matrices.stage import GOOD, OTHER, Run, Stage, wait_for
from tests.infra.matrices.steps import Step, steps
from tests.infra.matrices.table import Row

UP, NEIGHBOUR, DOWN, ROTATE, PERSON = "up", "up of another stack", "down", "token rotate", "a person's change"
ACTORS = (UP, NEIGHBOUR, DOWN, ROTATE, PERSON)
FIRSTS = (UP, NEIGHBOUR, DOWN, ROTATE)  # a person's change is one request
LOCKED = "is locked by"
LONGEST_HELD = 8.0  # seconds; a lock's own requests are sent again after ten


@dataclass(frozen=True)
class Pair:
    """The second actor runs at this request of the first."""

    first: str
    second: str
    step: Step


class Scene:
    """A workspace with a stack `mine` that exists (but for the first `up`) and a stack `theirs` beside it."""

    def __init__(self, stage: Stage, first: str) -> None:
        self.stage = stage
        self.mine = stage.new_spec()
        self.mine["workspace"] = {**self.mine["workspace"], "name": "ws-pair"}  # the same in every scene
        self.theirs = stage.new_spec(workspace=self.mine["workspace"])
        if first != UP:
            report = stage.run("up", self.mine)
            assert report.good, report
        self.person_set = False

    def begin(self, actor: str) -> Run:
        """Start an actor that is a command."""
        if actor == NEIGHBOUR:
            return self.stage.join("up beside others", self.theirs)
        verb = {UP: "up beside others", DOWN: "down", ROTATE: "rotate"}[actor]
        return self.stage.join(verb, self.mine, OTHER if actor == ROTATE else GOOD)

    def person(self) -> None:
        """Mark the stack's endpoint by hand with a tag, if there is one, as the studio does."""
        found = self.stage.arm("GET", self.mine)
        if found.status_code == 200 and found.json()["properties"]["provisioningState"] == "Succeeded":
            document = found.json()
            document["tags"] = {**document["tags"], "by": "hand"}
            answer = self.stage.arm("PUT", self.mine, body=document)
            self.person_set = answer.status_code < 400

    def close(self) -> None:
        """Take both stacks away."""
        for spec in (self.theirs, self.mine):
            self.stage.clear_away(spec)


def pair_cases(stage: Stage) -> list[Pair]:
    """Every pair at every request of an undisturbed run of the first."""
    found = []
    for first in FIRSTS:
        scene = Scene(stage, first)
        report = scene.begin(first).report()
        assert report.good, report
        spec = scene.theirs if first == NEIGHBOUR else scene.mine
        # The state of an operation is asked for as often as the operation takes.
        known = [step for step in steps(report.requests, spec["name"]) if step.writes or not step.skip]
        found += [Pair(first, second, step) for second in ACTORS for step in known]
        scene.close()
    return found


def pair_rows(stage: Stage, chosen: list[Pair]) -> Iterator[Row]:
    """A row for each pair: the first is held at the request while the second runs."""
    for pair in chosen:
        scene = Scene(stage, pair.first)
        try:
            yield _row(scene, pair)
        finally:
            scene.close()


def _row(scene: Scene, pair: Pair) -> Row:
    stage = scene.stage
    spec = scene.theirs if pair.first == NEIGHBOUR else scene.mine
    stage.next_minute()
    stage.faults(pair.step.rule(spec, hold=True, times=1))
    first = scene.begin(pair.first)
    wrong = [wait_for("at the request", lambda: stage.rules()[0]["hanging"], first)]
    second: Run | None = None
    if pair.second == PERSON:
        scene.person()
    else:
        second = scene.begin(pair.second)
        _until_it_ends_or_waits(scene, pair, second)
    stage.faults()
    reports = {pair.first: first.report()}
    if second:
        reports[f"{pair.second}, second"] = second.report()
    wrong += [f"{actor}: {said(report)}" for actor, report in reports.items() if said(report)]
    ended = "; ".join(f"{actor}: {report.error['code']}" for actor, report in reports.items() if report.error)
    neighbour = next((report for actor, report in reports.items() if actor.startswith(NEIGHBOUR)), None)
    if neighbour and neighbour.good and not stored_token(stage, scene.theirs):
        wrong.append("the neighbour is told that it is ready, and its token is gone")
    wrong += _at_the_end(scene, pair)
    label = f"{pair.first}: {pair.step.label}"
    return Row(label, pair.second, tuple(filter(None, wrong)), ended or "converged")


def _until_it_ends_or_waits(scene: Scene, pair: Pair, second: Run) -> None:
    """Wait until the second has ended, or says that it waits for the first."""
    output = scene.theirs if pair.second == NEIGHBOUR else scene.mine
    deadline = time.monotonic() + LONGEST_HELD
    while not second.over() and LOCKED not in scene.stage.output(output) and time.monotonic() < deadline:
        time.sleep(0.05)


def _at_the_end(scene: Scene, pair: Pair) -> list[str]:
    """What is wrong once both have ended: what each says it left must be there, and nothing else."""
    stage, wrong = scene.stage, []
    actors = (pair.first, pair.second)
    if NEIGHBOUR in actors:
        again = stage.run("up", scene.theirs, None if stored_token(stage, scene.mine) else GOOD)
        wrong.append("" if again.good else f"the neighbour's up again: {again.error or again.unexpected}")
        ready = [
            one for one in stage.instances(scene.mine) if one["ready"] and scene.theirs["name"] in one["deployment"]
        ]
        wrong.append("" if ready else "the neighbour does not serve")
    # What stands can be completed by `up` and taken away by `down`.
    if scene.person_set and stage.arm("GET", scene.mine).status_code == 200:
        tags = stage.arm("GET", scene.mine).json()["tags"]
        wrong.append("" if tags.get("by") == "hand" or _unseen(pair) else "the person's tag is lost")
    again = stage.run("up", scene.mine, None if stored_token(stage, scene.mine) else GOOD)
    wrong.append("" if again.good else f"up again: {again.error or again.unexpected}")
    if ROTATE in actors and DOWN not in actors:
        wrong.append("" if stored_token(stage, scene.mine) in (GOOD, OTHER) else "the token is lost")
    if NEIGHBOUR in actors:
        gone = stage.run("down", scene.theirs)
        wrong.append("" if gone.good else f"the neighbour's down: {gone.error or gone.unexpected}")
    gone = stage.run("down", scene.mine)
    wrong.append("" if gone.good else f"down: {gone.error or gone.unexpected}")
    left = [line for line in inventory(stage, scene.mine) if "/onlineendpoints/" in line or line.startswith("process")]
    wrong += [f"left over: {', '.join(left)}" if left else "", noise(stage, scene.mine)]
    return wrong


def _unseen(pair: Pair) -> bool:
    """Whether the write that was held is one of the endpoint, made from what was read before the person's change."""
    return pair.step.method == "PUT" and pair.step.path.endswith("-endpoint")
