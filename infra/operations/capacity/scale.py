"""`scale`: gives a stack's deployment another number of instances at once."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.autoscale import autoscale_settings, of_endpoint
from infra.azure.cloud import Cloud
from infra.azure.quota import check_quota
from infra.azure.target import Target
from infra.errors import NotFound, Refused
from infra.planning.costs.money import an_hour
from infra.planning.lease import hold_lease
from infra.planning.plan import WORKING
from infra.planning.response_store import own_store
from infra.planning.serving import Serving, serving
from infra.reporter import Reporter
from infra.resources.base import Live
from infra.resources.scaling.parked import parked_error
from infra.resources.scaling.profiles import in_words
from infra.spec.model import StackSpec


class Cost(Struct, frozen=True):
    """What the deployment costs an hour, before and after."""

    before: float
    after: float
    currency: str
    as_of: str

    def __str__(self) -> str:
        """Both, for a sentence."""
        return f"{an_hour(self.before, self.currency)} → {an_hour(self.after, self.currency)}"


class ScalePlan(Struct, frozen=True):
    """Which deployment is scaled, from how many instances to how many, and what to know of it."""

    endpoint: str
    deployment: str
    instance_type: str
    before: int
    after: int
    cost: Cost | None
    """None where the price is not known."""
    remarks: tuple[str, ...]
    live: Live

    def to_json(self) -> dict[str, Any]:
        """What `scale --output json` prints."""
        cost = self.cost and {
            "before_hour": round(self.cost.before, 4),
            "after_hour": round(self.cost.after, 4),
            "currency": self.cost.currency,
            "as_of": self.cost.as_of,
        }
        return {
            "endpoint": self.endpoint,
            "deployment": self.deployment,
            "instance_type": self.instance_type,
            "before": self.before,
            "after": self.after,
            "cost": cost,
            "remarks": list(self.remarks),
        }


def plan_scale(spec: StackSpec, target: Target, count: int, *, deployment: str = "") -> ScalePlan:
    """What would change; without a name it is the deployment that clients reach.

    Raises `Refused` for zero instances, for a deployment that is not the stack's own, where an autoscale setting would
    undo it, and where the quota is too small; `NotFound` and `NotReady` where there is no such deployment now.
    """
    if count < 1:
        hint = "`gatelift park` stops paying: it deletes the deployments and keeps endpoint, key and weights"
        raise Refused("a managed online endpoint has no deployment with 0 instances", hint=hint, code="no_zero")
    cloud = target.cloud
    found = serving(cloud, spec)
    name = deployment.lower() or found.busiest
    live = _own(spec, found, name)
    before, size = int(live.state["instance_count"] or 0), str(live.state["instance_type"])
    remarks = [*_of_autoscale(cloud, found, name, count), *_of_spec(spec, found, name, count)]
    check_quota(cloud, size, wanted=count, running=before)
    cost = _cost(target, cloud.region, size, (before, count))
    return ScalePlan(str(found.document["name"]), name, size, before, count, cost, tuple(remarks), live)


def scale(spec: StackSpec, target: Target, count: int, *, reporter: Reporter, deployment: str = "") -> ScalePlan:
    """Change the number of instances under the stack's lock, and wait until they are there; raises as `plan_scale`."""
    cloud = target.cloud_for(reporter)
    with hold_lease(cloud, "scale", lambda: plan_scale(spec, target, count, deployment=deployment)) as plan:
        id = cloud.workspace.deployment(plan.endpoint, plan.deployment)
        if plan.live.provisioning in WORKING:
            cloud.poller.wait_for_running(plan.live.document)
        if plan.before == count and plan.live.provisioning == "Succeeded":
            return plan
        began = cloud.clock.now()
        cloud.reporter.phase_started("deployment", plan.deployment)
        body = {"sku": {"name": "Default", "capacity": count}}
        cloud.poller.wait(cloud.begin(lambda: cloud.management.begin_patch(id, body)))
        cloud.reporter.phase_finished(
            "deployment", plan.deployment, cloud.clock.now() - began, f"{plan.before} → {count} instances"
        )
    return plan


def _own(spec: StackSpec, found: Serving, name: str) -> Live:
    """The stack's deployment of this name."""
    live = found.deployments.get(name)
    if live is None:
        if found.parked:
            raise parked_error(spec.name, found.parked)
        there = ", ".join(sorted(found.deployments)) or "none"
        raise NotFound(
            f"there is no deployment {name} on {found.document['name']}",
            hint=f"there are: {there}; `gatelift up` makes the spec's",
            code="deployment_not_found",
        )
    if live.owner != spec.name:
        whose = f"the stack {live.owner}" if live.owner else "somebody else"
        hint = "name one of the stack's own with --deployment; `gatelift status` lists them"
        raise Refused(f"the deployment {name} belongs to {whose}", hint=hint, code="not_ours")
    return live


def _of_autoscale(cloud: Cloud, found: Serving, name: str, count: int) -> list[str]:
    """What an enabled autoscale setting does with the number; `Refused` where it is outside of what it allows."""
    settings = of_endpoint(autoscale_settings(cloud) or (), str(found.document["name"]))
    setting = settings.get(name) or {}
    properties: Mapping[str, Any] = setting.get("properties", {})
    profiles = [(each, *bounds) for each in properties.get("profiles") or [] if (bounds := _bounds(each))]
    if not properties.get("enabled") or not profiles:
        return []
    least, most = min(low for _, low, _ in profiles), max(high for _, _, high in profiles)
    if not least <= count <= most:
        raise Refused(
            f"the autoscale setting {setting['name']} allows {least} to {most} instances: Azure Monitor would set "
            f"{count} back within a minute",
            hint="change deployment.autoscale in the spec and run `gatelift up`",
            code="autoscale_decides",
        )
    other = [in_words(profile) for profile, low, high in profiles if not low <= count <= high]
    if other:
        when = ", ".join(f"{words['instances']} {words.get('times', 'by default')}" for words in other)
        return [
            f"the autoscale setting {setting['name']} allows other numbers at times, and then sets {count} back: {when}"
        ]
    return [f"the autoscale setting {setting['name']} goes on from there: its metric may change the number again"]


def _bounds(profile: Mapping[str, Any]) -> tuple[int, int] | None:
    """The fewest and the most instances of a profile."""
    capacity = profile.get("capacity") or {}
    written = [str(capacity.get(name, "")) for name in ("minimum", "maximum")]
    return (int(written[0]), int(written[1])) if all(map(str.isdecimal, written)) else None


def _of_spec(spec: StackSpec, found: Serving, name: str, count: int) -> list[str]:
    """What the spec says beside the number."""
    remarks = []
    wanted = spec.deployment.instance_count
    if name == found.name and wanted not in (None, count):
        remarks.append(
            f"the spec says instance_count: {wanted}, and the next `gatelift up` does what it says: change the spec, "
            "too, or leave instance_count out"
        )
    if count > 1 and (store := own_store(spec)):
        remarks.append(
            f"each instance keeps /v1/responses for itself ({store}): a client's next request may reach another one, "
            "which then answers 404 for previous_response_id"
            + (", and `gatelift up` refuses that" if spec.deployment.instance_count is None else "")
        )
    return remarks


def _cost(target: Target, region: str, size: str, counts: tuple[int, int]) -> Cost | None:
    price = target.prices.hourly(region, [size]).get(size.lower())
    before, after = counts
    return Cost(price.hour * before, price.hour * after, price.currency, price.as_of) if price else None
