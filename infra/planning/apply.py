"""Does what a plan says: independent steps side by side, each after what it needs; safe to repeat and to interrupt."""

import queue
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, Refused, StalePlan
from infra.parallel import Task
from infra.planning.observe import Observed
from infra.planning.plan import WORKING, Action, Change, Plan
from infra.resources.base import Live, Resource, Wait

DONE = {Action.CREATE: "created", Action.UPDATE: "updated", Action.REPLACE: "replaced", Action.DELETE: "deleted"}


class Step(Struct, frozen=True):
    """One thing to do and what must be done before it."""

    change: Change
    run: Callable[[], Wait | None]
    needs: frozenset[int] = frozenset()
    needs_accepted: frozenset[int] = frozenset()
    """Steps that Azure must have accepted; they need not have ended."""


def check_fresh(planned: Plan, now: Plan) -> None:
    """Refuse a plan whose live state or desired state has moved since."""
    before = {(c.kind, c.name): (c.action, c.diff, c.planned_against) for c in planned.changes}
    after = {(c.kind, c.name): (c.action, c.diff, c.planned_against) for c in now.changes}
    if planned.stack != now.stack:
        hint = "give the spec that the plan was made from, or make a new plan"
        raise StalePlan(f"the plan is for the stack {planned.stack}, not for {now.stack}", hint=hint)
    moved = sorted(
        f"{kind} {name}" for kind, name in before | after if before.get((kind, name)) != after.get((kind, name))
    )
    if moved:
        raise StalePlan(f"changed since the plan: {', '.join(moved)}", hint="make a new plan")


def check_possible(plan: Plan, resources: Sequence[Resource], observed: Observed) -> None:
    """Refuse, before anything is touched, a replacement that would lose something."""
    for resource, change in _pairs(plan, resources):
        live = observed.of(resource)
        if change.action is Action.REPLACE and live and (way_out := resource.obstacle(live, observed.traffic)):
            message = f"{change.kind} {change.name} would have to be replaced: {change.reason}"
            raise Refused(message, hint=way_out, code="replace_refused")


def is_running(resources: Sequence[Resource], observed: Observed) -> bool:
    """Whether an operation that an earlier run began has not ended."""
    return any((live := observed.of(resource)) and live.provisioning in WORKING for resource in resources)


def resume_running(cloud: Cloud, resources: Sequence[Resource], observed: Observed) -> bool:
    """Wait for operations that an earlier run began; whether there were any."""
    running = [(r, live) for r in resources if (live := observed.of(r)) and live.provisioning in WORKING]
    for resource, live in running:
        doing = Change(Action.UPDATE, resource.kind, resource.name)
        _timed(cloud, doing, f"{live.provisioning} picked up", lambda r=resource, it=live: r.resume(cloud, it))  # type: ignore[misc]
    return bool(running)


def steps(
    cloud: Cloud,
    plan: Plan,
    resources: Sequence[Resource],
    observed: Observed,
    order: Mapping[str, tuple[str, ...]],
    once_accepted: Mapping[str, tuple[str, ...]],
    delete_leaving: Callable[[str], None],
) -> list[Step]:
    """The plan's changes as steps; what gets no requests and leaves goes before its cores are needed, the rest last."""
    found: list[Step] = []
    by_kind: dict[str, list[int]] = {}
    leaving = [change for change in plan.changes if change.action is Action.DELETE]
    for change in leaving:
        if not observed.traffic.get(change.name):
            by_kind.setdefault("idle", []).append(len(found))
            found.append(Step(change, lambda name=change.name: delete_leaving(name)))  # type: ignore[misc]
    first = len(found)
    changed = [(resource, change) for resource, change in _pairs(plan, resources) if change.action is not Action.NONE]
    for index, (resource, _) in enumerate(changed, start=first):
        by_kind.setdefault(resource.kind, []).append(index)
    for resource, change in changed:
        kinds = (*order[resource.kind], "idle") if resource.kind == "deployment" else order[resource.kind]
        needs, accepted = (
            frozenset(index for kind in those for index in by_kind.get(kind, ()))
            for those in (kinds, once_accepted.get(resource.kind, ()))
        )
        found.append(Step(change, _performer(cloud, resource, change, observed.of(resource)), needs, accepted))
    everything = frozenset(range(len(found)))
    for change in leaving:
        if observed.traffic.get(change.name):
            found.append(Step(change, lambda name=change.name: delete_leaving(name), everything))  # type: ignore[misc]
    return found


def run_steps(cloud: Cloud, todo: Sequence[Step]) -> None:
    """Run each step once what it needs is done; after a failure nothing new is begun, and it is raised."""
    done: set[int] = set()
    accepted: set[int] = set()
    begun: dict[Task, int] = {}
    news: queue.SimpleQueue[Task | int] = queue.SimpleQueue()  # a task that ended, or the index of an accepted step
    failed: BaseException | None = None
    running = 0
    while len(done) < len(todo):
        for index, step in enumerate(todo):
            ready = step.needs <= done and step.needs_accepted <= done | accepted
            if failed is None and ready and index not in begun.values():
                begun[Task(_timed_step(cloud, step, lambda index=index: news.put(index)), news)] = index  # type: ignore[misc]
                running += 1
        if running == 0:
            break
        new = _next(news)
        if isinstance(new, int):
            accepted.add(new)
            continue
        running -= 1
        if new.error is not None:
            failed = failed or new.error
        else:
            done.add(begun[new])
    if failed is not None:
        raise failed


def _performer(cloud: Cloud, resource: Resource, change: Change, live: Live | None) -> Callable[[], Wait | None]:
    def perform() -> Wait | None:
        if change.action is Action.UPDATE and live is not None:
            return resource.update(cloud, live, {**resource.desired, **resource.settle(live)})
        if change.action is Action.REPLACE and live is not None:
            resource.delete(cloud)
        return resource.create(cloud, resource.desired)

    return perform


def _timed_step(cloud: Cloud, step: Step, accepted: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        if (wait := step.run()) is not None:
            accepted()
            wait()

    return lambda: _timed(cloud, step.change, DONE[step.change.action], run)


def _timed(cloud: Cloud, change: Change, detail: str, run: Callable[[], None]) -> None:
    began = cloud.clock.now()
    cloud.reporter.phase_started(change.kind, change.name)
    try:
        run()
    except GateliftError as error:
        cloud.reporter.failed(change.kind, change.name, cloud.clock.now() - began, str(error))
        raise
    cloud.reporter.phase_finished(change.kind, change.name, cloud.clock.now() - began, detail)


def _pairs(plan: Plan, resources: Sequence[Resource]) -> list[tuple[Resource, Change]]:
    changes = {(change.kind, change.name): change for change in plan.changes if change.action is not Action.DELETE}
    return [(resource, changes[resource.kind, resource.name]) for resource in resources]


def _next(news: "queue.SimpleQueue[Task | int]") -> Task | int:
    """What happened next; waits in short pieces, so that Ctrl-C is heard."""
    while True:
        try:
            return news.get(timeout=0.2)
        except queue.Empty:
            continue
