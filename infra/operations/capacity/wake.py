"""`wake`: makes again what `park` deleted, as it was, and gives it its requests back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.autoscale import AUTOSCALE_API
from infra.azure.cloud import Cloud
from infra.azure.quota import FamilyQuota, check_quota
from infra.azure.target import Target
from infra.errors import NotFound, Refused
from infra.operations.capacity.record import Record, load_record
from infra.operations.capacity.standing import Standing, look, look_when_settled
from infra.operations.connect import connection_info, served_name
from infra.operations.smoke import smoke_test
from infra.planning.apply import Step, run_steps
from infra.planning.lease import hold_lease
from infra.planning.plan import WORKING, Action, Change
from infra.reporter import Phase, Recorder, Reporter
from infra.resources.base import PARKED_TAG, PREVIOUS_TAG, Live
from infra.resources.deployment import settable
from infra.resources.endpoint import live_endpoint
from infra.resources.scaling.parked import WOKE_TAG, parked_in
from infra.resources.startup_watch import StartupWatch
from infra.resources.traffic import nonzero, rescaled, rewrite, without
from infra.spec.model import StackSpec

TAKEN = "quota and capacity are not reserved while a stack is parked: another deployment may have taken them meanwhile"


class Woken(Struct, frozen=True):
    """What `wake` did; `parked_since` is empty where the stack was not parked."""

    endpoint: str
    parked_since: str
    deployments: tuple[str, ...]
    traffic: Mapping[str, int]
    seconds: float = 0.0
    """From the first request to Azure until the deployments got their requests back."""
    phases: tuple[Phase, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What `wake --output json` prints."""
        return {
            "endpoint": self.endpoint,
            "woken": bool(self.parked_since),
            "parked_since": self.parked_since or None,
            "deployments": list(self.deployments),
            "traffic": dict(self.traffic),
            "seconds": round(self.seconds, 1),
            "phases": [{"kind": k, "name": n, "seconds": round(s, 3), "detail": d} for k, n, s, d in self.phases],
        }


def plan_wake(spec: StackSpec, target: Target) -> tuple[Standing, Record | None]:
    """How the stack stands, and what is made again; None where it is not parked.

    Raises `NotFound` where there is neither a deployment nor a record of one.
    """
    standing = look(spec, target.cloud)
    return standing, _record(spec, target.cloud, standing)


def wake(spec: StackSpec, target: Target, *, reporter: Reporter, smoke: bool = True) -> Woken:
    """Make the parked deployments again and give them their requests back once they have answered; safe to repeat.

    Without `smoke` no question is asked. Raises `Refused` before anything is made where the quota is too small.
    """
    recorder = Recorder(reporter)
    cloud, began = target.cloud_for(recorder), target.clock.now()
    with hold_lease(cloud, "wake", partial(look_when_settled, spec, cloud)) as standing:
        record = _record(spec, cloud, standing)
        if record is None:
            cloud.records.delete(standing.endpoint)  # of a wake that was killed when it had all but ended
            return Woken(standing.endpoint, "", tuple(sorted(standing.own)), standing.traffic)
        _check_quota(cloud, standing, record)
        run_steps(cloud, _steps(cloud, standing, record))
        if smoke:
            _ask(spec, target, cloud, record)
        seconds = target.clock.now() - began
        whole = seconds if set(record.lives).isdisjoint(standing.own) else None
        _give_requests_back(cloud, standing.endpoint, record, whole)
        cloud.records.delete(standing.endpoint)
        traffic = look(spec, cloud).traffic
    seconds = target.clock.now() - began
    return Woken(standing.endpoint, record.since, tuple(record.lives), traffic, seconds, tuple(recorder.phases))


def _record(spec: StackSpec, cloud: Cloud, standing: Standing) -> Record | None:
    if standing.parked:
        record = load_record(cloud, standing.endpoint)
        if not record.deployments:
            message = f"{spec.name} had no deployment that worked when it was parked"
            raise NotFound(message, hint="`gatelift up` makes one from the spec", code="nothing_to_wake")
        return record
    if not standing.own:
        message = f"{spec.name} is not parked, and has no deployment on {standing.endpoint}"
        raise NotFound(message, hint="create one with `gatelift up`", code="nothing_to_wake")
    return None


def _check_quota(cloud: Cloud, standing: Standing, record: Record) -> None:
    """Check the quota for all that is missing, families added up; raises `Refused` with what may have taken it."""
    missing: dict[str, int] = {}
    for name, live in record.lives.items():
        if name not in standing.own:
            size = str(live.state["instance_type"])
            missing[size] = missing.get(size, 0) + int(live.state["instance_count"] or 1)
    found: dict[str, FamilyQuota] = {}
    for size, count in missing.items():
        try:
            quota = check_quota(cloud, size, wanted=count, running=0)
        except Refused as error:
            error.hint = f"{TAKEN}; {error.hint}"
            raise
        if quota:
            before = found.get(quota.family)
            found[quota.family] = replace(quota, needed=quota.needed + (before.needed if before else 0))
    for quota in found.values():
        if not quota.enough:
            message = (
                f"not enough quota for all deployments: family {quota.family} has a limit of {quota.limit} cores, "
                f"{quota.used} are used, {quota.needed} more are needed"
            )
            raise Refused(message, hint=f"{TAKEN}; ask for more quota in Azure ML studio", code="OutOfQuota")


def _steps(cloud: Cloud, standing: Standing, record: Record) -> list[Step]:
    """The deployments, those with most requests first, then their autoscale settings."""
    order = sorted(record.deployments, key=lambda each: (-record.traffic.get(each["name"], 0), each["name"]))
    steps = [
        Step(
            Change(Action.CREATE, "deployment", body["name"]),
            partial(_make, cloud, standing.endpoint, body, standing.own.get(body["name"])),
            endpoint=standing.endpoint,
        )
        for body in order
        if not _stands(standing.own.get(body["name"]), body)
    ]
    made = frozenset(range(len(steps)))
    return steps + [
        Step(
            Change(Action.CREATE, "autoscale", setting["id"].rpartition("/")[2]),
            partial(_set, cloud, setting),
            made,
        )
        for setting in record.autoscale
    ]


def _stands(live: Live | None, body: Mapping[str, Any]) -> bool:
    """Whether an earlier wake that was interrupted has made this deployment."""
    return live is not None and live.provisioning == "Succeeded" and _same(live, body)


def _same(live: Live, body: Mapping[str, Any]) -> bool:
    count = (live.document.get("sku") or {}).get("capacity")
    return bool(count == body["sku"]["capacity"] and settable(live) == body["properties"])


def _make(cloud: Cloud, endpoint: str, body: Mapping[str, Any], live: Live | None) -> None:
    """Make a deployment as it was; one that is being made is waited for, one of another size makes way."""
    id = cloud.workspace.deployment(endpoint, body["name"])
    if live is not None and live.provisioning in WORKING:
        with StartupWatch(cloud, endpoint, body["name"]) as watch:
            cloud.poller.wait_for_running(live.document, watch.tick)
        document = cloud.management.get(id)
        live = replace(live, document=document) if document else None
        if live and document and document["properties"].get("provisioningState") == "Succeeded" and _same(live, body):
            return
    size = str(body["properties"]["instanceType"]).lower()
    if live is not None and str(live.state["instance_type"]).lower() != size:
        cloud.delete(id)
    written = {name: value for name, value in body.items() if name != "name" and value is not None}
    with StartupWatch(cloud, endpoint, body["name"], new=live is None) as watch:
        cloud.poller.wait(cloud.begin(lambda: cloud.management.begin_put(id, written)), watch.tick)


def _set(cloud: Cloud, setting: Mapping[str, Any]) -> None:
    body = {name: value for name, value in setting.items() if name not in ("id", "name")}
    cloud.management.put(setting["id"], body, api_version=AUTOSCALE_API)


def _ask(spec: StackSpec, target: Target, cloud: Cloud, record: Record) -> None:
    """Ask each deployment that is to get requests one question, before it gets them."""
    info = connection_info(cloud, spec, target.entra_token)
    document = cloud.management.get(cloud.workspace.endpoint(info.endpoint)) or {}
    private = live_endpoint(document).state["public_network_access"] == "disabled"
    for name, live in record.lives.items():
        if record.traffic.get(name):
            asked = replace(info, model=served_name(live) or spec.model.name, deployment=name)
            smoke_test(asked, cloud, target.arm.timeouts, private=private)


def _give_requests_back(cloud: Cloud, endpoint: str, record: Record, seconds: float | None) -> None:
    """Write the shares as they were and take the tag away, in one request; others share what is left as they do now.

    `seconds` is how long the wake took; None where an earlier one did a part of it.
    """
    mine = {name: share for name, share in record.traffic.items() if name in record.lives}
    mirror = {name: share for name, share in record.mirror.items() if name in record.lives}

    def decide(document: Mapping[str, Any], _: bool) -> dict[str, Any] | None:
        if parked_in(document) is None:
            return None
        tags = {name: value for name, value in (document.get("tags") or {}).items() if name != PARKED_TAG}
        if seconds is not None:
            tags[WOKE_TAG] = f"{seconds:.0f}"
        if record.previous:
            tags[PREVIOUS_TAG] = record.previous
        split = shared_out(mine, without(nonzero(document["properties"].get("traffic")), record.lives))
        mirrored = {**nonzero(document["properties"].get("mirrorTraffic")), **mirror}
        return {"tags": tags, "traffic": split, "mirror_traffic": without(mirrored, split)}

    began = cloud.clock.now()
    cloud.reporter.phase_started("traffic", endpoint)
    rewrite(cloud, endpoint, decide)
    cloud.reporter.phase_finished("traffic", endpoint, cloud.clock.now() - began, "given back")


def shared_out(mine: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    """The stack's shares as they were, and those of others in their proportions for the rest; the sum is 100, or 0."""
    left = 100 - sum(mine.values())
    if not mine or not others or left <= 0:
        return rescaled(dict(mine)) or dict(others)
    total = sum(others.values())
    scaled = {name: share * left // total for name, share in others.items()}
    first = next(iter(scaled))
    return {**mine, **scaled, first: scaled[first] + left - sum(scaled.values())}
