"""Applies a plan: runs each step after the steps it depends on, and independent steps in parallel.

Applying may be interrupted and repeated: the next plan starts from what exists then."""

import queue
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, Refused
from infra.parallel import Task
from infra.planning.desired import ONCE_ACCEPTED, ORDER
from infra.planning.plan import Action, Change, whose
from infra.planning.prepare import Prepared
from infra.resources.base import Live, Resource, Wait
from infra.resources.scaling.setting import AutoscaleSetting, delete_setting
from infra.resources.traffic import nonzero, stop_mirroring

DONE = {Action.CREATE: "created", Action.UPDATE: "updated", Action.REPLACE: "replaced", Action.DELETE: "deleted"}
T = TypeVar("T")
ON_ENDPOINT = ("endpoint", "deployment", "traffic")
IDLE = "idle"  # a pseudo-kind: deletions of deployments that get no requests, and of what scales the spec's
AFTER_IDLE = ("deployment", AutoscaleSetting.kind)


class Step(Struct, frozen=True):
    """One change, the function that makes it, and the steps that must come before it."""

    change: Change
    run: Callable[[], Wait | None]
    needs: frozenset[int] = frozenset()
    """The indexes of the steps that must have finished."""
    needs_accepted: frozenset[int] = frozenset()
    """The indexes of the steps that Azure must have accepted; they need not have finished."""
    endpoint: str = ""
    """The endpoint that it changes, itself or in a deployment: Azure takes one change of an endpoint at a time."""
    resource: Resource | None = None
    """What is changed, which may have something to say afterwards."""


def resume_running(cloud: Cloud, prepared: Prepared) -> bool:
    """Wait for the operations that an earlier run started; return whether there were any."""
    for resource, live in prepared.running:
        change = Change(Action.UPDATE, resource.kind, resource.name)
        detail = f"waited for the earlier run: {live.provisioning}"
        _timed(cloud, change, partial(str, detail), partial(resource.resume, cloud, live))
    return bool(prepared.running)


def apply(cloud: Cloud, prepared: Prepared, before_traffic: Callable[[], T]) -> T | None:
    """Carry out the plan; returns what `before_traffic` returned, or None where the traffic did not change.

    `before_traffic` runs just before the traffic changes, and stops that change by raising.
    """
    results: list[T] = []
    run_steps(cloud, _steps(cloud, prepared, lambda: results.append(before_traffic())))
    return results[0] if results else None


def _steps(cloud: Cloud, prepared: Prepared, before_traffic: Callable[[], None]) -> list[Step]:
    """The plan as steps.

    Deployments to delete that get no requests are deleted first, since the new ones may need their cores, and so is an
    autoscale setting that must no longer decide about `current`; the others scale until the requests have moved.
    Deployments that still get requests, or may get them again if the new one is worse, are deleted last.
    """
    gone = [change for change in prepared.plan.changes if change.action is Action.DELETE]
    leaving = [change for change in gone if change.kind != AutoscaleSetting.kind]
    scalers = [change for change in gone if change.kind == AutoscaleSetting.kind]
    needed = {*prepared.observed.traffic, prepared.rollout.stable}
    idle = [change for change in leaving if change.name not in needed]
    idle += [change for change in scalers if _scales_current(prepared, change)]
    changed = [(resource, change) for resource, change in prepared.pairs if _to_do(prepared, resource, change)]
    by_kind: dict[str, set[int]] = {IDLE: set(range(len(idle)))}
    for index, (resource, _) in enumerate(changed, start=len(idle)):
        by_kind.setdefault(resource.kind, set()).add(index)

    def indexes(kinds: Sequence[str]) -> frozenset[int]:
        return frozenset(index for kind in kinds for index in by_kind.get(kind, ()))

    endpoint = prepared.endpoint
    delete = partial(_deletion, cloud, endpoint)
    steps = [delete(change) for change in idle]
    for resource, change in changed:
        kinds = ORDER[resource.kind] + ((IDLE,) if resource.kind in AFTER_IDLE else ())
        perform = _perform_shared if resource.shared else _perform
        run: Callable[[], Wait | None] = partial(
            perform, cloud, resource, change.action, prepared.observed.of(resource)
        )
        if resource.kind == "traffic":
            run = partial(_run_after, before_traffic, run)
        locked = endpoint if resource.kind in ON_ENDPOINT else ""
        accepted = ONCE_ACCEPTED.get(resource.kind, ())
        if change.action is Action.NONE:
            kinds, accepted = (), ("endpoint",)
        steps.append(Step(change, run, indexes(kinds), indexes(accepted), locked, resource))
    for later in (scalers, leaving):
        everything = frozenset(range(len(steps)))
        steps += [delete(change, everything) for change in later if change not in idle]
    return steps


def _scales_current(prepared: Prepared, change: Change) -> bool:
    return bool(prepared.observed.settings[change.name].state["deployment"] == prepared.rollout.current)


def _deletion(cloud: Cloud, endpoint: str, change: Change, needs: frozenset[int] = frozenset()) -> Step:
    if change.kind == AutoscaleSetting.kind:
        return Step(change, partial(delete_setting, cloud, change.name), needs)
    return Step(change, partial(_delete_deployment, cloud, endpoint, change.name), needs, endpoint=endpoint)


def _to_do(prepared: Prepared, resource: Resource, change: Change) -> bool:
    """Whether there is a step for a resource: also for one that others made, if a deployment is about to refer to it.

    Until the deployment is written, a `down` of those others may not see who refers to what they made.
    """
    if change.action is not Action.NONE:
        return True
    begins = any(other.kind == "deployment" and it.action is not Action.NONE for other, it in prepared.pairs)
    return resource.shared and begins


def _perform_shared(cloud: Cloud, resource: Resource, action: Action, planned: Live | None) -> None:
    """Change what stacks share under the lock of it; what others have made, deleted or taken over meanwhile is seen."""
    what = f"the {resource.kind} {resource.name}"
    if action in (Action.CREATE, Action.NONE):
        resource.bring(cloud)
    with cloud.locks.shared():
        live = resource.read(cloud)
        if action is Action.NONE and live is None:
            cloud.reporter.note(f"{what} was deleted meanwhile: made again")
        elif action is Action.CREATE and live is not None:
            cloud.reporter.note(f"{whose(live)} has made {what} meanwhile: used as it is")
            return
        elif action is Action.NONE:
            return
        elif action is Action.UPDATE and live and planned and live.owner != planned.owner:
            cloud.reporter.note(f"{whose(live)} has taken over {what} meanwhile: used as it is")
            return
        if (wait := _perform(cloud, resource, action, live or planned)) is not None:
            wait()


def _perform(cloud: Cloud, resource: Resource, action: Action, live: Live | None) -> Wait | None:
    if action is Action.UPDATE and live is not None:
        return resource.update(cloud, live, {**resource.desired, **resource.settle(live)})
    if action is Action.REPLACE and live is not None:
        resource.delete(cloud)
    return resource.create(cloud, resource.desired)


def _run_after(first: Callable[[], None], run: Callable[[], Wait | None]) -> Wait | None:
    first()
    return run()


def _delete_deployment(cloud: Cloud, endpoint: str, name: str) -> None:
    document = cloud.management.get(cloud.workspace.endpoint(endpoint)) or {}
    if nonzero(document.get("properties", {}).get("traffic")).get(name):
        raise Refused(f"the deployment {name} still gets requests, so it is not deleted", hint="run the command again")
    stop_mirroring(cloud, endpoint, name)
    cloud.delete(cloud.workspace.deployment(endpoint, name))


def run_steps(cloud: Cloud, steps: Sequence[Step]) -> None:
    """Run each step once the steps it needs are done.

    After the first error no further step is started; the error is raised when the running steps have finished. The same
    holds once the lock of the stack is lost.
    """
    done: set[int] = set()
    accepted: set[int] = set()
    started: dict[Task, int] = {}
    changing: set[str] = set()  # endpoints
    events: queue.SimpleQueue[Task | int] = queue.SimpleQueue()  # a finished task, or the index of an accepted step
    error: BaseException | None = None
    running = 0
    while len(done) < len(steps):
        for index, step in enumerate(steps):
            ready = step.needs <= done and step.needs_accepted <= done | accepted and step.endpoint not in changing
            if error is None and ready and index not in started.values():
                changing |= {step.endpoint} - {""}
                started[Task(partial(_run_step, cloud, step, partial(events.put, index)), events)] = index
                running += 1
        if running == 0:
            break
        event = _next_event(events)
        if isinstance(event, int):
            accepted.add(event)
            continue
        running -= 1
        changing.discard(steps[started[event]].endpoint)
        if event.error is not None:
            error = error or event.error
        else:
            done.add(started[event])
    if error is not None:
        raise error


def _run_step(cloud: Cloud, step: Step, accepted: Callable[[], None]) -> None:
    def run() -> None:
        cloud.locks.check()
        if (wait := step.run()) is not None:
            accepted()
            wait()

    if step.change.action is Action.NONE:
        run()
    else:
        _timed(cloud, step.change, lambda: _detail(step), run)


def _detail(step: Step) -> str:
    said = step.resource.outcome if step.resource else ""
    return ", ".join(filter(None, (DONE[step.change.action], said)))


def _timed(cloud: Cloud, change: Change, detail: Callable[[], str], run: Callable[[], None]) -> None:
    began = cloud.clock.now()
    cloud.reporter.phase_started(change.kind, change.name)
    try:
        run()
    except GateliftError as error:
        cloud.reporter.failed(change.kind, change.name, cloud.clock.now() - began, str(error))
        raise
    cloud.reporter.phase_finished(change.kind, change.name, cloud.clock.now() - began, detail())


def _next_event(events: "queue.SimpleQueue[Task | int]") -> Task | int:
    """The next event; waits in short intervals, so that Ctrl-C takes effect."""
    while True:
        try:
            return events.get(timeout=0.2)
        except queue.Empty:
            continue
