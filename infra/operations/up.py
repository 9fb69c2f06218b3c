"""`up` and `down`: plan, check, apply, wait, ask one question; and the reverse."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotFound, Refused
from infra.operations import smoke
from infra.operations.connect import ENTRA_SCOPE, ConnectInfo, connection_info
from infra.parallel import Task
from infra.planning.apply import Step, check_fresh, check_possible, is_running, resume_running, run_steps, steps
from infra.planning.desired import ONCE_ACCEPTED, ORDER, Sources, shipped_sources, token_spec
from infra.planning.lease import clear_abandoned, held
from infra.planning.observe import observe
from infra.planning.plan import Change, Plan
from infra.planning.prepare import Prepared, check_before_applying, prepare, replan
from infra.planning.serving import serving
from infra.planning.teardown import Doomed, find_doomed, to_steps
from infra.recorder import Phase, Recorder
from infra.reporter import Reporter
from infra.resources.base import Wait
from infra.resources.deployment import restart
from infra.resources.startup_watch import StartupWatch
from infra.resources.traffic import positive, stop_mirroring
from infra.spec.model import StackSpec
from infra.spec.names import catalog_name

BY_SDK = {"environment", "model"}  # these kinds are made through azure-ai-ml, which takes seconds to import


class UpResult(Struct, frozen=True):
    """What `up` did: the plan it applied, how to connect, `(kind, name, seconds, detail)` a phase, the answer."""

    plan: Plan
    connection: ConnectInfo
    phases: tuple[Phase, ...] = ()
    answer: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `up --output json` prints it; the key is left out (`connect` gives it)."""
        connection = {key: value for key, value in self.connection.to_json().items() if key != "api_key"}
        phases = [{"kind": k, "name": n, "seconds": round(s, 3), "detail": d} for k, n, s, d in self.phases]
        return {**self.plan.to_json(), "connection": connection, "phases": phases, "answer": self.answer}


class Answer(Struct, frozen=True):
    """What the model said when it was asked, and where."""

    text: str
    reached: ConnectInfo


def up(
    spec: StackSpec,
    target: Target,
    *,
    token: str | None,
    reporter: Reporter,
    plan: Plan | None = None,
    prepared: Prepared | None = None,
    sources: Sources | None = None,
) -> UpResult:
    """Bring the stack to what the spec says and prove that it answers; a given plan is refused if it is stale.

    `prepared` is what was just read; without it everything is read now.
    """
    recorder = Recorder(reporter)
    cloud = target.cloud_for(recorder)
    prepared = prepared or prepare_up(spec, target, token=token, sources=sources)
    if plan is not None:
        check_fresh(plan, prepared.plan)
    if not prepared.plan.has_changes and not is_running(prepared.resources, prepared.observed):
        reading = replace(cloud, management=prepared.reads) if prepared.reads else cloud
        clear_abandoned(reading, cloud)
        return UpResult(prepared.plan, connection(spec, target, reading))
    check_possible(prepared.plan, prepared.resources, prepared.observed)
    unlocked = prepared
    checks = Task(lambda: check_before_applying(unlocked, cloud, target.hub_access))
    with held(cloud, lambda: _again(unlocked, cloud), checks) as prepared:
        if prepared.plan.changing & BY_SDK:
            target.sdk.warm_up()
        if plan is not None:
            check_fresh(plan, prepared.plan)
        if resume_running(cloud, prepared.resources, prepared.observed):
            prepared = _again(prepared, cloud)
        check_possible(prepared.plan, prepared.resources, prepared.observed)
        answers: list[Answer] = []
        run_steps(cloud, _steps(prepared, target, cloud, answers))
        answered = answers[0] if answers else _smoke_test(prepared.chosen_spec, target, cloud)
    if kept := prepared.rollout.kept:
        cloud.reporter.note(f"{kept} stays at 0 % for `gatelift rollback`, and costs as before; see `keep_previous`")
    return UpResult(prepared.plan, answered.reached, tuple(recorder.phases), answered.text)


def prepare_up(spec: StackSpec, target: Target, *, token: str | None, sources: Sources | None = None) -> Prepared:
    """Everything that `up` reads before it changes something, in one round of requests."""
    return prepare(spec, target.cloud, target.hub_access, sources or shipped_sources(), token=token, keys=True)


def plan_down(spec: StackSpec, target: Target) -> Plan:
    """What `down` would delete and what it would leave, and why."""
    return Plan(spec.name, tuple(item.change for item in _doomed(spec, target.cloud)))


def down(spec: StackSpec, target: Target, *, reporter: Reporter) -> list[Change]:
    """Delete what the stack owns, in reverse order; returns everything that was looked at."""
    cloud = target.cloud_for(reporter)
    doomed = _doomed(spec, cloud)
    if any(item.run for item in doomed):
        with held(cloud, lambda: _doomed(spec, cloud)) as doomed:
            run_steps(cloud, to_steps(doomed))
    else:
        clear_abandoned(cloud, cloud)
    return [item.change for item in doomed]


def connection(spec: StackSpec, target: Target, cloud: Cloud, *, deployment: str = "") -> ConnectInfo:
    """How to reach the endpoint, with a fresh credential; with `deployment` as it will be once that one serves."""
    return connection_info(cloud, spec, lambda: entra_token(target), deployment=deployment)


def roll(spec: StackSpec, target: Target, reporter: Reporter) -> bool:
    """Start the deployment's containers anew, so that they read their secrets again; false where there is none."""
    cloud = target.cloud_for(reporter)
    endpoint = spec.endpoint.name.lower()
    try:
        found = serving(cloud, spec)
    except NotFound:
        return False
    name = found.busiest
    live = found.lives.get(name)
    if live is None:
        return False
    began = cloud.clock.now()
    mark = {"GATELIFT_ROLLED": cloud.clock.utc().isoformat()}
    reporter.phase_started("deployment", name)
    with StartupWatch(cloud, endpoint, name) as watch:
        restart(cloud, endpoint, live, mark, watch.tick)
    reporter.phase_finished("deployment", name, cloud.clock.now() - began, "rolled")
    return True


def _again(prepared: Prepared, cloud: Cloud) -> Prepared:
    """The plan for what is there now: somebody else may have been at work until a moment ago."""
    observed = observe(cloud, prepared.resources, prepared.spec.endpoint.name.lower())
    return replan(replace(prepared, observed=observed))


def entra_token(target: Target) -> str:
    """An access token for endpoints in `aad_token` mode."""
    return str(target.arm.credential.get_token(ENTRA_SCOPE).token)


def _steps(prepared: Prepared, target: Target, cloud: Cloud, answers: list[Answer]) -> list[Step]:
    endpoint = prepared.spec.endpoint.name.lower()
    cloud = replace(cloud, location=prepared.observed.location)

    def delete_leaving(name: str) -> None:
        document = cloud.management.get(cloud.workspace.endpoint(endpoint)) or {}
        if positive(document.get("properties", {}).get("traffic")).get(name):
            raise Refused(f"the deployment {name} gets requests, so it is not deleted", hint="run the command again")
        stop_mirroring(cloud, endpoint, name)
        cloud.delete(cloud.workspace.deployment(endpoint, name))

    def answer_first(step: Step) -> Step:
        """A deployment gets requests only after it has answered one; until then the next `up` has something to do."""
        if step.change.kind != "traffic":
            return step

        def run() -> Wait | None:
            moving = prepared.rollout.gets_requests(prepared.observed.traffic)
            answers.append(_smoke_test(prepared.chosen_spec, target, cloud, moving=moving))
            return step.run()

        return replace(step, run=run)

    todo = steps(cloud, prepared.plan, prepared.resources, prepared.observed, ORDER, ONCE_ACCEPTED, delete_leaving)
    return [answer_first(step) for step in todo]


def _smoke_test(spec: StackSpec, target: Target, cloud: Cloud, *, moving: bool = False) -> Answer:
    """Ask the spec's deployment, whatever the traffic says; `moving` is whether it will get requests afterwards."""
    asked = spec.deployment.name.lower()
    reached = connection(spec, target, cloud, deployment=asked if moving else "")
    began = cloud.clock.now()
    cloud.reporter.phase_started("smoke test", asked)
    model = spec.model.served_name or spec.model.id
    text = smoke.ask(
        reached.base_url, reached.api_key, model, clock=cloud.clock, patience=cloud.patience, deployment=asked
    )
    cloud.reporter.phase_finished("smoke test", asked, cloud.clock.now() - began, "answered")
    return Answer(text, reached)


def _doomed(spec: StackSpec, cloud: Cloud) -> list[Doomed]:
    names = {spec.catalog.name if spec.catalog and spec.catalog.name else catalog_name(spec.model.id)}
    link = token_spec(spec).connection
    found = find_doomed(
        cloud,
        endpoint=spec.endpoint.name.lower(),
        connection=link,
        models=sorted(names),
        identities=spec.endpoint.identity.user_assigned_identities,
    )
    return sorted(found, key=lambda item: item.wave)
