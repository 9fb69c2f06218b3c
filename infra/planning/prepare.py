"""Reads everything that a plan is made from, and makes the plan: the model's facts, the resources, what exists."""

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.cloud import Cloud, Management
from infra.azure.read_ahead import ReadAhead
from infra.azure.target import Target
from infra.errors import SpecError
from infra.hub.access import ModelFacts
from infra.parallel import Task
from infra.planning import lease
from infra.planning.desired import Sources, desired_resources, shipped_sources, uses_hub
from infra.planning.observe import Observed, observe
from infra.planning.plan import WORKING, Action, Change, Plan, make_plan
from infra.planning.rollout import Rollout, explained, renamed, roll_out
from infra.resources.base import Live, Resource
from infra.resources.deployment import Deployment
from infra.resources.endpoint import CREDENTIAL_ACTIONS
from infra.resources.traffic import Traffic
from infra.spec.model import StackSpec

LEFT = (
    "belongs to the stack, too, and keeps costing: the spec has another endpoint.name now; `gatelift down` removes both"
)


class Desired(Struct, frozen=True):
    """What the spec asks for; `facts` is None for a registry's model, which says nothing about itself."""

    spec: StackSpec
    facts: ModelFacts | None
    token: str | None
    resources: list[Resource]

    def __repr__(self) -> str:
        """Without the token."""
        return f"Desired({self.spec.name!r})"


class Prepared(Struct, frozen=True):
    """A plan and what it was made from."""

    desired: Desired
    observed: Observed
    plan: Plan
    rollout: Rollout
    resources: list[Resource]
    """The desired resources, with the deployment under the name that the rollout has chosen."""
    reads: Management | None = None
    """What was read, and what was begun to be read; outdated as soon as something is changed."""

    @property
    def spec(self) -> StackSpec:
        """The spec with its deployment under the name that it has, or will have, on the endpoint."""
        return renamed(self.desired.spec, self.rollout.current)

    @property
    def endpoint(self) -> str:
        """The endpoint's name, in lower case as Azure keeps it."""
        return self.desired.spec.endpoint.name.lower()

    @property
    def pairs(self) -> list[tuple[Resource, Change]]:
        """Each resource with what the plan says about it."""
        changes = {(c.kind, c.name): c for c in self.plan.changes if c.action is not Action.DELETE}
        return [(resource, changes[resource.kind, resource.name]) for resource in self.resources]

    @property
    def running(self) -> list[tuple[Resource, Live]]:
        """The resources on which an operation that an earlier run started has not ended."""
        found = [(resource, self.observed.of(resource)) for resource in self.resources]
        return [(resource, live) for resource, live in found if live and live.provisioning in WORKING]

    def located(self, cloud: Cloud) -> Cloud:
        """The cloud with the workspace's region filled in, so that nobody asks for it again."""
        return replace(cloud, workspace=replace(cloud.workspace, location=self.observed.location))


def prepare(
    spec: StackSpec,
    target: Target,
    *,
    token: str | None,
    sources: Sources | None = None,
    with_credential: bool = False,
) -> Prepared:
    """Ask Hub and Azure at the same time, then plan; `with_credential` asks for the endpoint's credential, too."""
    cloud, hub, sources = target.cloud, target.hub, sources or shipped_sources()
    token = token or None  # a variable that is set to nothing is no token
    if cloud.local and not uses_hub(spec):
        raise SpecError(
            f"model.id {spec.model.id!r}: a registry's model brings a container of its own, which is on Azure only",
            hint="leave out --local; or on this machine name the model by its Hub id",
            code="azure_only",
        )
    reads = ReadAhead(cloud.management)
    reading = replace(cloud, management=reads)
    asking = Task(lambda: hub.model(spec.model.id, spec.model.revision, token)) if uses_hub(spec) else None
    if asking:
        _begin_reading(spec, reading, sources)
    if with_credential:
        _begin_reading_credential(spec, reading, reads)
    facts: ModelFacts | None = asking.result() if asking else None
    resources = desired_resources(spec, facts, token, sources, hub.page(spec.model.id))
    desired = Desired(spec, facts, token, resources)
    return replace(plan_against(desired, observe(reading, resources, spec.endpoint.name.lower())), reads=reads)


def observe_again(prepared: Prepared, cloud: Cloud) -> Prepared:
    """The same with what exists now: somebody else may have been at work until a moment ago."""
    return plan_against(prepared.desired, observe(cloud, prepared.desired.resources, prepared.endpoint))


def plan_against(desired: Desired, observed: Observed) -> Prepared:
    """The plan that leads from what was observed to what is desired; reads nothing."""
    spec = desired.spec
    rollout = roll_out(spec, observed.deployments, observed.traffic, observed.previous)
    resources = [_as_rolled_out(resource, spec, rollout) for resource in desired.resources]
    live = {(resource.kind, resource.name): observed.of(resource) for resource in resources}
    plan = make_plan(spec.name, resources, live, rollout.doomed)
    deployment = next(resource for resource in resources if isinstance(resource, Deployment))
    plan = explained(plan, rollout, deployment, observed.deployments)
    left = tuple(Change(Action.NONE, "endpoint", name, LEFT) for name in observed.left)
    return Prepared(desired, observed, replace(plan, changes=plan.changes + left), rollout, resources)


def _as_rolled_out(resource: Resource, spec: StackSpec, rollout: Rollout) -> Resource:
    if isinstance(resource, Traffic):
        return Traffic(resource.endpoint, rollout.current, rollout.leaving, rollout.kept)
    if isinstance(resource, Deployment):
        deployment = renamed(spec, rollout.current).deployment
        return Deployment(resource.endpoint, deployment, resource.model, resource.stack)
    return resource


def _begin_reading(spec: StackSpec, reading: Cloud, sources: Sources) -> None:
    """Ask for what the spec alone names, while the Hub answers; only the catalog's entry needs the Hub's answer."""
    likely = ModelFacts(spec.model.id, spec.model.revision or "", gated=True)
    resources = desired_resources(spec.but(catalog=None), likely, None, sources, "")
    Task(lambda: observe(reading, resources, spec.endpoint.name.lower()))


def _begin_reading_credential(spec: StackSpec, reading: Cloud, reads: ReadAhead) -> None:
    lease.begin_reading(reading)
    if action := CREDENTIAL_ACTIONS.get(spec.endpoint.auth_mode):
        reads.begin_action(f"{reading.workspace.endpoint(spec.endpoint.name.lower())}/{action}")
