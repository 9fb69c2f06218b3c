"""Everything that is known before something is changed: the model's facts, the resources, what exists, the plan."""

from msgspec import Struct
from msgspec.structs import replace

from infra.azure import quota
from infra.azure.cloud import Cloud, Management
from infra.azure.read_ahead import ReadAhead
from infra.errors import AccessDenied, SpecError
from infra.hub.access import Hub, ModelFacts
from infra.operations.connect import KEY_ACTIONS
from infra.parallel import Task
from infra.planning.desired import Sources, desired_resources, needs_token, token_spec, uses_hub
from infra.planning.lease import begin_reading
from infra.planning.observe import Observed, observe
from infra.planning.plan import Action, Change, Plan, make_plan
from infra.planning.rollout import Rollout, explained, renamed, roll_out
from infra.resources.base import Resource
from infra.resources.connection import stored_keys, token_hint, usable
from infra.resources.deployment import Deployment
from infra.resources.traffic import Traffic
from infra.spec.model import StackSpec

LEFT = "is the stack's, too, and costs on: the spec has another endpoint.name now; `gatelift down` takes away both"


class Prepared(Struct, frozen=True):
    """A plan and what it was made from."""

    spec: StackSpec
    facts: ModelFacts | None
    token: str | None
    resources: list[Resource]
    observed: Observed
    plan: Plan
    rollout: Rollout
    reads: Management | None = None
    """What was read, and what was begun to be read; no longer true once something is changed."""

    def __repr__(self) -> str:
        """Without the token."""
        return f"Prepared({self.spec.name!r}, {self.plan!r})"

    @property
    def chosen_spec(self) -> StackSpec:
        """The spec with its deployment under the name that it has, or will have, on the endpoint."""
        return renamed(self.spec, self.rollout.current)


def prepare(
    spec: StackSpec, cloud: Cloud, hub: Hub, sources: Sources, *, token: str | None, keys: bool = False
) -> Prepared:
    """Ask Hub and Azure at the same time, then plan; with `keys` the endpoint's credential is asked for, too."""
    if cloud.local and not uses_hub(spec):
        raise SpecError(
            f"model.id {spec.model.id!r}: a registry's model brings a container of its own, which is on Azure only",
            hint="leave out --local; or on this machine name the model by its Hub id",
            code="azure_only",
        )
    token = token or None  # a variable that is set to nothing is no token
    reads = ReadAhead(cloud.management)
    reading = replace(cloud, management=reads)
    if uses_hub(spec):
        facts = Task(lambda: hub.model(spec.model.id, spec.model.revision, token))
        _begin_reading(spec, reading, sources)
    if keys:
        begin_reading(reading)
        if action := KEY_ACTIONS.get(spec.endpoint.auth_mode):
            reads.begin_action(f"{cloud.workspace.endpoint(spec.endpoint.name.lower())}/{action}")
    known: ModelFacts | None = facts.result() if uses_hub(spec) else None
    resources = desired_resources(spec, known, token, sources, hub.page(spec.model.id))
    observed = observe(reading, resources, spec.endpoint.name.lower())
    return replan(Prepared(spec, known, token, resources, observed, Plan(spec.name, ()), Rollout(""), reads))


def _begin_reading(spec: StackSpec, cloud: Cloud, sources: Sources) -> None:
    """Ask for what the spec alone names, while the Hub answers; only the catalog's entry needs the Hub's answer."""
    likely = ModelFacts(spec.model.id, spec.model.revision or "", gated=True)
    resources = desired_resources(spec.but(catalog=None), likely, None, sources, "")
    Task(lambda: observe(cloud, resources, spec.endpoint.name.lower()))


def replan(prepared: Prepared) -> Prepared:
    """The plan for what was observed."""
    spec, observed = prepared.spec, prepared.observed
    rollout = roll_out(spec, observed.deployments, observed.traffic, observed.previous)
    deployment = renamed(spec, rollout.current).deployment
    resources: list[Resource] = []
    for resource in prepared.resources:
        if isinstance(resource, Traffic):
            resource = Traffic(resource.endpoint, rollout.current, rollout.leaving, rollout.kept)
        elif isinstance(resource, Deployment):
            resource = Deployment(resource.endpoint, deployment, resource.model, resource.stack)
        resources.append(resource)
    live = {(resource.kind, resource.name): observed.of(resource) for resource in resources}
    plan = make_plan(spec.name, resources, live, rollout.doomed)
    ours = next(resource for resource in resources if isinstance(resource, Deployment))
    plan = explained(plan, rollout, ours, observed.deployments)
    left = tuple(Change(Action.NONE, "endpoint", name, LEFT) for name in observed.left)
    plan = replace(plan, changes=plan.changes + left)
    return replace(prepared, resources=resources, plan=plan, rollout=rollout)


def check_before_applying(prepared: Prepared, cloud: Cloud, hub: Hub) -> None:
    """Find out now what would fail later: access to the model, and cores in the region."""
    changing = prepared.plan.changing
    tasks = []
    if changing & {"connection", "deployment"} and needs_token(prepared.spec, prepared.facts):
        tasks.append(Task(lambda: check_token(prepared, cloud, hub)))
    if "deployment" in changing:
        tasks.append(Task(lambda: _check_quota(prepared, cloud)))
    for task in tasks:
        task.result()


def check_token(prepared: Prepared, cloud: Cloud, hub: Hub) -> None:
    """Refuse a token that does not open the model; without one the stored one must do."""
    where = token_spec(prepared.spec)
    if where.key_vault and prepared.token is None:
        cloud.reporter.note("the token lies in Key Vault and is not checked; HF_TOKEN, if set, is checked in its place")
        return
    connection = next((live for (kind, _), live in prepared.observed.live.items() if kind == "connection"), None)
    foreign = connection is not None and not connection.owner
    token = None if foreign else prepared.token
    if token is None and connection is not None:
        try:
            token = usable(connection, stored_keys(cloud, where.connection), where.key)
        except AccessDenied:
            cloud.reporter.note(f"the token in {where.connection} cannot be checked: you may not read it")
            return
        if token is None:
            message = f"the connection {where.connection} exists but has no key {where.key}"
            hint = "`gatelift token set` writes the token; or name another connection in token: of the spec"
            raise AccessDenied(message, hint=hint, code="connection_without_key")
    if token is None:
        model = prepared.facts.id if prepared.facts else prepared.spec.model.id
        message = f"{model} is gated and there is no token for it"
        hint = token_hint(local=cloud.local) + f"; access is asked for at {hub.page(model)}"
        raise AccessDenied(message, hint=hint, code="token_missing")
    hub.token(token)
    if prepared.facts is not None:
        hub.check_access(prepared.facts.id, token)


def _check_quota(prepared: Prepared, cloud: Cloud) -> None:
    deployment = next(resource for resource in prepared.resources if isinstance(resource, Deployment))
    live = prepared.observed.of(deployment)
    running = int(live.state.get("instance_count") or 0) if live and live.provisioning == "Succeeded" else 0
    wanted = prepared.spec.deployment
    quota.check(cloud, prepared.observed.location, wanted.instance_type, wanted=wanted.instance_count, running=running)
