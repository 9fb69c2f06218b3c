"""Reads what a plan needs, the Hub's facts about the model and the live state on Azure, and makes the plan."""

import dataclasses
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.azure_clouds import check_registry
from infra.azure.cloud import Cloud, Management
from infra.azure.read_ahead import ReadAhead
from infra.azure.target import Target
from infra.errors import SpecError
from infra.hub.facts import ModelFacts
from infra.parallel import Task
from infra.planning.cautions import with_cautions
from infra.planning.desired import Sources, desired_resources, page_of, shipped_sources
from infra.planning.observe import Observed, observe, without_endpoint
from infra.planning.plan import DELETING, WORKING, Action, Change, Plan, make_plan
from infra.planning.response_store import check_response_store, split_store
from infra.planning.rollout import (
    Rollout,
    Steps,
    decider,
    is_version,
    renamed,
    roll_out,
    show_parked,
    show_rollout,
    show_scaling,
    version_of,
)
from infra.planning.sources.find import find_model
from infra.planning.sources.found import Asked, Found
from infra.planning.untagged import telling, untagged
from infra.resources.base import Live, Resource
from infra.resources.deployment import Deployment
from infra.resources.endpoint import CREDENTIAL_ACTIONS
from infra.resources.scaling.setting import AutoscaleSetting
from infra.resources.traffic import Traffic
from infra.spec.model import StackSpec

OTHER_ENDPOINT = (
    "also belongs to the stack and still costs money, but the spec now has another endpoint.name; `gatelift down` "
    "deletes both"
)


class Desired(Struct, frozen=True):
    """The desired state; `found` is None for a registry model, which brings its own container."""

    spec: StackSpec
    found: Found | None
    token: str | None
    resources: list[Resource]

    def __repr__(self) -> str:
        """The stack's name only, so that the token is never printed."""
        return f"Desired({self.spec.name!r})"


class Prepared(Struct, frozen=True):
    """A plan and everything it was made from."""

    desired: Desired
    observed: Observed
    plan: Plan
    rollout: Rollout
    resources: list[Resource]
    """The desired resources, the deployment under the name that the rollout chose."""
    reads: Management | None = None
    """Answers of Azure that were read or are being read; out of date as soon as something changes."""
    pricing: Task | None = None
    """Looks up what an instance of the spec costs, beside the other reads."""

    @property
    def spec(self) -> StackSpec:
        """The spec with the deployment name that the rollout chose."""
        return renamed(self.desired.spec, self.rollout.current)

    @property
    def endpoint(self) -> str:
        """The endpoint's name in lower case, as Azure stores it."""
        return self.desired.spec.endpoint.name.lower()

    @property
    def pairs(self) -> list[tuple[Resource, Change]]:
        """Each resource with its change."""
        changes = {(c.kind, c.name): c for c in self.plan.changes if c.action is not Action.DELETE}
        return [(resource, changes[resource.kind, resource.name]) for resource in self.resources]

    @property
    def running(self) -> list[tuple[Resource, Live]]:
        """The resources on which an operation of an earlier run is still running."""
        pairs = [(resource, self.observed.of(resource)) for resource in self.resources]
        return [(resource, live) for resource, live in pairs if live and live.provisioning in WORKING]

    def located(self, cloud: Cloud) -> Cloud:
        """The cloud with the workspace's region filled in, which saves further requests for it."""
        return replace(cloud, workspace=replace(cloud.workspace, location=self.observed.location))


def prepare(
    spec: StackSpec,
    target: Target,
    *,
    token: str | None,
    sources: Sources | None = None,
    with_credential: bool = False,
) -> Prepared:
    """Ask the Hub and Azure at the same time, then plan.

    With `with_credential`, the endpoint's credential and what opens the locks are read ahead, too. Raises `SpecError`
    for a registry model with `--local`, and for several instances that do not share their responses.
    """
    cloud, hub, sources = target.cloud, target.hub, sources or shipped_sources()
    token = token or None  # HF_TOKEN may be set, but empty
    if cloud.local and spec.model.brings_container:
        raise SpecError(
            f"model.id {spec.model.id!r}: a registry model comes with its own container, which runs only on Azure",
            hint="leave out `--local`, or name a model for this machine in `local.model`",
            code="azure_only",
        )
    check_registry(spec.model.id or spec.model.asset or "", target.azure)
    reads = ReadAhead(cloud.management)
    reading = replace(cloud, management=reads)
    pricing = Task(lambda: target.prices.hourly(reading.region, [spec.deployment.instance_type]))
    finding = Task(lambda: find_model(Asked(spec, reading, hub, token, sources.cache)))
    if not spec.model.brings_container:
        _begin_reading(spec, reading, sources)
    if with_credential:
        target.open_locks_ahead()
        _begin_reading_credential(spec, reading, reads)
    found: Found | None = finding.result()
    facts = found.facts if found else None
    if scale := spec.deployment.autoscale:
        check_response_store(spec, facts, scale.max, "deployment.autoscale.max")
    check_response_store(spec, facts, spec.deployment.instance_count or 1)
    resources = desired_resources(spec, found, token, sources, page_of(spec, hub))
    desired = Desired(spec, found, token, resources)
    prepared = plan_against(desired, observe(reading, resources, spec.endpoint.name.lower()))
    scaler = prepared.observed.autoscale.get(prepared.rollout.current)
    if scaler and decider(spec, prepared.rollout, prepared.observed):
        check_response_store(spec, facts, scaler.maximum, f"the autoscale setting {scaler.name} with a maximum of")
    if spec.deployment.instance_count is None:
        deployment = next(resource for resource in prepared.resources if isinstance(resource, Deployment))
        source = "deployment.instance_count is left out, and the number of live instances is"
        check_response_store(spec, facts, deployment.first_count, source)
    return replace(prepared, reads=reads, pricing=pricing)


def observe_again(prepared: Prepared, cloud: Cloud) -> Prepared:
    """Plan again from what exists now: somebody else may have changed the stack in the meantime."""
    reading = replace(cloud, management=ReadAhead(cloud.management))
    return plan_against(prepared.desired, observe(reading, prepared.desired.resources, prepared.endpoint))


def plan_against(desired: Desired, observed: Observed) -> Prepared:
    """Make the plan that leads from the observed to the desired state; sends no request."""
    spec = desired.spec
    if any(live.provisioning == DELETING for (kind, _), live in observed.live.items() if kind == "endpoint" and live):
        observed = without_endpoint(observed)
    asked = next(resource for resource in desired.resources if isinstance(resource, Deployment))
    steps = Steps(observed.canary, partial(is_version, asked), version_of(asked))
    rollout = roll_out(spec, observed.deployments, observed.traffic, observed.previous, steps)
    resources = [_as_rolled_out(resource, spec, rollout, observed) for resource in desired.resources]
    live = {(resource.kind, resource.name): observed.of(resource) for resource in resources}
    with telling(observed.deployments):
        plan = make_plan(spec.name, resources, live, rollout.to_delete)
    deployment = next(resource for resource in resources if isinstance(resource, Deployment))
    plan = show_parked(show_rollout(plan, rollout, deployment, observed, spec.rollout), observed.parked)
    plan = show_scaling(plan, spec, rollout, observed)
    split = split_store(spec, desired.found.facts if desired.found else None) if rollout.stable else ""
    plan = with_cautions(plan, spec.deployment, desired.found, unread=observed.autoscale_unread, split=split)
    others = [Change(Action.NONE, "endpoint", name, OTHER_ENDPOINT) for name in observed.other_endpoints]
    others += untagged(observed.deployments, {change.name for change in plan.changes if change.kind == "deployment"})
    return Prepared(desired, observed, replace(plan, changes=(*plan.changes, *others)), rollout, resources)


def _as_rolled_out(resource: Resource, spec: StackSpec, rollout: Rollout, observed: Observed) -> Resource:
    if isinstance(resource, Traffic):
        return Traffic(resource.endpoint, rollout.current, rollout.leaving, rollout.kept)
    if isinstance(resource, Deployment):
        deployment = renamed(spec, rollout.current).deployment
        before = observed.deployments.get(rollout.replaces or rollout.current)
        return Deployment(
            resource.endpoint,
            deployment,
            resource.model,
            resource.stack,
            _first_count(spec, before),
            decider(spec, rollout, observed),
        )
    if isinstance(resource, AutoscaleSetting):
        return dataclasses.replace(resource, deployment=rollout.current)
    return resource


def _first_count(spec: StackSpec, before: Live | None) -> int:
    """How many instances a new deployment begins with where the spec has no number: as many as the one before."""
    count = int((before.state.get("instance_count") if before else 0) or 1)
    scale = spec.deployment.autoscale
    return max(scale.min, min(count, scale.max)) if scale else count


def _begin_reading(spec: StackSpec, reading: Cloud, sources: Sources) -> None:
    """Begin to read what the spec alone names while the Hub answers; only the catalog entry needs the Hub's answer."""
    likely = Found(ModelFacts(spec.model.label, spec.model.revision or "", gated=True))
    resources = desired_resources(spec.but(catalog=None), likely, None, sources, "")
    Task(lambda: observe(reading, resources, spec.endpoint.name.lower()))


def _begin_reading_credential(spec: StackSpec, reading: Cloud, reads: ReadAhead) -> None:
    if action := CREDENTIAL_ACTIONS.get(spec.endpoint.auth_mode):
        reads.begin_action(f"{reading.workspace.endpoint(spec.endpoint.name.lower())}/{action}")
