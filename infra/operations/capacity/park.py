"""`park`: deletes the stack's deployments, and keeps everything else and what was asked last."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from infra.azure.autoscale import AUTOSCALE_API
from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import Refused
from infra.operations.capacity.idle import Idle, find_idle
from infra.operations.capacity.record import Record, instances_of, load_record, make_record, save_record, settings_of
from infra.operations.capacity.standing import Standing, look, look_when_settled
from infra.planning.apply import Step, run_steps
from infra.planning.costs.saving import saving
from infra.planning.lease import hold_lease
from infra.planning.plan import WORKING, Action, Change
from infra.reporter import Reporter
from infra.resources.base import PARKED_TAG, Live
from infra.resources.scaling.parked import Parked, last_wake
from infra.resources.traffic import nonzero, rescaled, rewrite, without
from infra.spec.model import StackSpec


class ParkPlan(Struct, frozen=True):
    """What `park` would do, and what that means."""

    standing: Standing
    saves: Mapping[str, Any] | None
    """As `gatelift down` tells it; None where nothing ran."""
    wake_seconds: float | None
    """How long the last wake took; None where nobody has measured one."""
    idle: Idle | None = None
    """What was found where it is to be parked only if nobody asks it."""

    @property
    def to_do(self) -> bool:
        """Whether there is something to delete, and no reason not to."""
        return bool(self.standing.own or not self.standing.parked) and (self.idle is None or self.idle.idle)

    @property
    def left(self) -> list[str]:
        """The deployments of others that will get the requests."""
        return list(without(self.standing.traffic, self.standing.own))

    @property
    def reason(self) -> str:
        """Why nothing is done, or after which time without requests; empty for none."""
        if self.standing.parked and not self.standing.own:
            return f"{self.standing.parked.words}"
        return self.idle.reason if self.idle else ""

    def to_json(self) -> dict[str, Any]:
        """What `park --output json` prints."""
        parked, traffic = self.standing.parked, self.standing.traffic
        return {
            "endpoint": self.standing.endpoint,
            "parked": parked is not None and not self.standing.own,
            "since": parked.since if parked else None,
            "reason": self.reason,
            "deployments": [
                {
                    "name": name,
                    "instance_type": live.state["instance_type"],
                    "instance_count": live.state["instance_count"],
                    "traffic": traffic.get(name, 0),
                }
                for name, live in sorted(self.standing.own.items())
            ],
            "saves": self.saves,
            "wake_seconds": self.wake_seconds,
        }


def plan_park(spec: StackSpec, target: Target, *, after: float | None = None) -> ParkPlan:
    """What `park` would delete; `after` is for how many seconds nobody may have asked the endpoint.

    Raises `Refused` where something that looks like a secret would have to be written down, where there is nothing to
    park, and what `find_idle` raises.
    """
    cloud = target.cloud
    standing = look(spec, cloud)
    if not standing.parked and not standing.own:
        message = f"the stack {spec.name} has no deployment on {standing.endpoint}, so there is nothing to park"
        raise Refused(message, hint="create one with `gatelift up`", code="nothing_to_park")
    if not standing.parked:
        make_record(cloud, standing.document, _kept(standing))
    idle = find_idle(cloud, standing, after) if after is not None and standing.own and not standing.parked else None
    parked = standing.parked or Parked("")
    instances = {**instances_of(standing.own.values()), **parked.instances}
    return ParkPlan(standing, saving(target, cloud.region, instances), last_wake(standing.document), idle)


def park(spec: StackSpec, target: Target, *, reporter: Reporter, after: float | None = None) -> ParkPlan:
    """Write down what runs, take the requests from the stack's deployments and delete them; safe to repeat.

    With `after`, it is looked once more whether nobody asks; nothing is done where somebody does. Returns what is true
    afterwards; `deployments` are those that are still there.
    """
    cloud = target.cloud_for(reporter)
    with hold_lease(cloud, "park", partial(plan_park, spec, target, after=after)) as plan:
        if not plan.to_do:
            return plan
        standing = _settled(spec, cloud)
        for name in sorted(standing.others):
            cloud.reporter.note(f"the deployment {name} is not the stack's own: it stays, and costs what it did")
        record = load_record(cloud, standing.endpoint) if standing.parked else _write_down(cloud, standing)
        _take_requests(cloud, standing, record)
        run_steps(cloud, _deletions(cloud, standing, record))
    return ParkPlan(look(spec, cloud), plan.saves, plan.wake_seconds, plan.idle)


def _settled(spec: StackSpec, cloud: Cloud) -> Standing:
    """How the stack stands once no operation of an earlier run is going on: Azure then says what was asked last."""
    standing = look_when_settled(spec, cloud)
    running = [live for live in standing.own.values() if live.provisioning in WORKING]
    for live in running:
        cloud.poller.wait_for_running(live.document)
    return look(spec, cloud) if running else standing


def _kept(standing: Standing) -> dict[str, Live]:
    """The deployments to make again: not those that failed and that nobody asks."""
    return {
        name: live for name, live in standing.own.items() if live.provisioning != "Failed" or standing.traffic.get(name)
    }


def _write_down(cloud: Cloud, standing: Standing) -> Record:
    kept = _kept(standing)
    for name in sorted(set(standing.own) - set(kept)):
        cloud.reporter.note(f"the deployment {name} failed and gets no requests: it is not made again")
    record = make_record(cloud, standing.document, kept)
    save_record(cloud, standing.endpoint, record)
    return record


def _take_requests(cloud: Cloud, standing: Standing, record: Record) -> None:
    """Write the tag and take all requests from the stack's deployments, in one request; shares of others grow."""
    mine = [*standing.own, *record.lives]

    def decide(document: Mapping[str, Any], _: bool) -> dict[str, Any] | None:
        properties, tags = document.get("properties", {}), dict(document.get("tags") or {})
        split, mirror = nonzero(properties.get("traffic")), nonzero(properties.get("mirrorTraffic"))
        left = without(split, mine)
        if tags.get(PARKED_TAG) and left == split and not set(mirror) & set(mine):
            return None
        tags[PARKED_TAG] = record.parked.tag
        split = rescaled(left) if left != split else split
        return {"tags": tags, "traffic": split, "mirror_traffic": without(mirror, [*mine, *split])}

    began = cloud.clock.now()
    cloud.reporter.phase_started("traffic", standing.endpoint)
    rewrite(cloud, standing.endpoint, decide)
    cloud.reporter.phase_finished("traffic", standing.endpoint, cloud.clock.now() - began, "taken from the stack")


def _deletions(cloud: Cloud, standing: Standing, record: Record) -> list[Step]:
    """The autoscale settings, which must not touch what is made again, then the deployments."""
    settings = settings_of(cloud, standing.endpoint, {**standing.own, **record.lives})
    steps = [
        Step(
            Change(Action.DELETE, "autoscale", setting["id"].rpartition("/")[2]),
            partial(cloud.management.delete, setting["id"], api_version=AUTOSCALE_API),
        )
        for setting in settings
    ]
    first = frozenset(range(len(steps)))
    return steps + [
        Step(
            Change(Action.DELETE, "deployment", name),
            partial(cloud.delete, cloud.workspace.deployment(standing.endpoint, name)),
            first,
            endpoint=standing.endpoint,
        )
        for name in sorted(standing.own)
    ]
