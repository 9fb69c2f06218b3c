"""Does what a plan says: independent steps side by side, each after what it needs; safe to repeat and to interrupt."""

import queue
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, Refused
from infra.parallel import Task
from infra.planning.desired import ONCE_ACCEPTED, ORDER
from infra.planning.plan import Action, Change
from infra.planning.prepare import Prepared
from infra.resources.base import Live, Resource, Wait
from infra.resources.traffic import positive, stop_mirroring

DONE = {Action.CREATE: "created", Action.UPDATE: "updated", Action.REPLACE: "replaced", Action.DELETE: "deleted"}
IDLE = "idle"  # stands for the deployments that get no requests and leave


class Step(Struct, frozen=True):
    """One thing to do and what must be done before it."""

    change: Change
    run: Callable[[], Wait | None]
    needs: frozenset[int] = frozenset()
    """The indexes of the steps that must have ended."""
    needs_accepted: frozenset[int] = frozenset()
    """The indexes of the steps that Azure must have accepted; they need not have ended."""


def resume_running(cloud: Cloud, prepared: Prepared) -> bool:
    """Wait for the operations that an earlier run started; whether there were any."""
    for resource, live in prepared.running:
        doing = Change(Action.UPDATE, resource.kind, resource.name)
        _timed(cloud, doing, f"{live.provisioning} picked up", partial(resource.resume, cloud, live))
    return bool(prepared.running)


def apply(cloud: Cloud, prepared: Prepared, before_traffic: Callable[[], None]) -> None:
    """Carry out the plan; `before_traffic` runs before a deployment gets requests and may refuse that by raising."""
    run_steps(cloud, _steps(cloud, prepared, before_traffic))


def _steps(cloud: Cloud, prepared: Prepared, before_traffic: Callable[[], None]) -> list[Step]:
    """What leaves and gets no requests goes before its cores are needed; what leaves and gets some goes last."""
    leaving = [change for change in prepared.plan.changes if change.action is Action.DELETE]
    idle = [change for change in leaving if not prepared.observed.traffic.get(change.name)]
    changed = [(resource, change) for resource, change in prepared.pairs if change.action is not Action.NONE]
    by_kind: dict[str, set[int]] = {IDLE: set(range(len(idle)))}
    for index, (resource, _) in enumerate(changed, start=len(idle)):
        by_kind.setdefault(resource.kind, set()).add(index)

    def indexes(kinds: Sequence[str]) -> frozenset[int]:
        return frozenset(index for kind in kinds for index in by_kind.get(kind, ()))

    delete = partial(_delete_deployment, cloud, prepared.endpoint)
    steps = [Step(change, partial(delete, change.name)) for change in idle]
    for resource, change in changed:
        kinds = ORDER[resource.kind] + ((IDLE,) if resource.kind == "deployment" else ())
        run = partial(_perform, cloud, resource, change.action, prepared.observed.of(resource))
        if resource.kind == "traffic":
            run = partial(_after, before_traffic, run)
        steps.append(Step(change, run, indexes(kinds), indexes(ONCE_ACCEPTED.get(resource.kind, ()))))
    everything = frozenset(range(len(steps)))
    busy = [change for change in leaving if change not in idle]
    return steps + [Step(change, partial(delete, change.name), everything) for change in busy]


def _perform(cloud: Cloud, resource: Resource, action: Action, live: Live | None) -> Wait | None:
    if action is Action.UPDATE and live is not None:
        return resource.update(cloud, live, {**resource.desired, **resource.settle(live)})
    if action is Action.REPLACE and live is not None:
        resource.delete(cloud)
    return resource.create(cloud, resource.desired)


def _after(first: Callable[[], None], run: Callable[[], Wait | None]) -> Wait | None:
    first()
    return run()


def _delete_deployment(cloud: Cloud, endpoint: str, name: str) -> None:
    document = cloud.management.get(cloud.workspace.endpoint(endpoint)) or {}
    if positive(document.get("properties", {}).get("traffic")).get(name):
        raise Refused(f"the deployment {name} gets requests, so it is not deleted", hint="run the command again")
    stop_mirroring(cloud, endpoint, name)
    cloud.delete(cloud.workspace.deployment(endpoint, name))


def run_steps(cloud: Cloud, steps: Sequence[Step]) -> None:
    """Run each step once what it needs is done; after a failure nothing new is begun, and it is raised."""
    done: set[int] = set()
    accepted: set[int] = set()
    begun: dict[Task, int] = {}
    news: queue.SimpleQueue[Task | int] = queue.SimpleQueue()  # a task that ended, or the index of an accepted step
    failed: BaseException | None = None
    running = 0
    while len(done) < len(steps):
        for index, step in enumerate(steps):
            ready = step.needs <= done and step.needs_accepted <= done | accepted
            if failed is None and ready and index not in begun.values():
                begun[Task(partial(_run_step, cloud, step, partial(news.put, index)), news)] = index
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


def _run_step(cloud: Cloud, step: Step, accepted: Callable[[], None]) -> None:
    def run() -> None:
        if (wait := step.run()) is not None:
            accepted()
            wait()

    _timed(cloud, step.change, DONE[step.change.action], run)


def _timed(cloud: Cloud, change: Change, detail: str, run: Callable[[], None]) -> None:
    began = cloud.clock.now()
    cloud.reporter.phase_started(change.kind, change.name)
    try:
        run()
    except GateliftError as error:
        cloud.reporter.failed(change.kind, change.name, cloud.clock.now() - began, str(error))
        raise
    cloud.reporter.phase_finished(change.kind, change.name, cloud.clock.now() - began, detail)


def _next(news: "queue.SimpleQueue[Task | int]") -> Task | int:
    """What happened next; waits in short slices, so that Ctrl-C is heard."""
    while True:
        try:
            return news.get(timeout=0.2)
        except queue.Empty:
            continue
