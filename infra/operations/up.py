"""`up`: prepare, plan, check, apply, and run a smoke test."""

from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.operations.connect import ConnectInfo, connection_info
from infra.operations.smoke import smoke_test
from infra.parallel import Task
from infra.planning.apply import apply, resume_running
from infra.planning.check import check, check_access_and_quota
from infra.planning.lease import clear_abandoned, hold_lease
from infra.planning.plan import Plan
from infra.planning.prepare import Prepared, observe_again, prepare
from infra.reporter import Phase, Recorder, Reporter
from infra.spec.model import StackSpec

BY_SDK = {"environment", "model"}  # these kinds are created through azure-ai-ml, which takes seconds to import


class UpResult(Struct, frozen=True):
    """What `up` did: the plan it applied, how to connect, how long each phase took, and the smoke test's answer."""

    plan: Plan
    connection: ConnectInfo
    phases: tuple[Phase, ...] = ()
    answer: str = ""
    """The model's answer to the smoke test; empty where nothing had to be done."""

    def to_json(self) -> dict[str, Any]:
        """The document that `up --output json` prints; it leaves out the endpoint's key, which `connect` prints."""
        connection = {key: value for key, value in self.connection.to_json().items() if key != "api_key"}
        phases = [{"kind": k, "name": n, "seconds": round(s, 3), "detail": d} for k, n, s, d in self.phases]
        return {**self.plan.to_json(), "connection": connection, "phases": phases, "answer": self.answer}


def prepare_up(spec: StackSpec, target: Target, *, token: str | None) -> Prepared:
    """Read everything that `up` needs before it changes anything, in one round of requests, and make the plan."""
    return prepare(spec, target, token=token, with_credential=True)


def up(prepared: Prepared, target: Target, *, reporter: Reporter, agreed: Plan | None = None) -> UpResult:
    """Make the stack what the spec describes, and check that the endpoint answers.

    `agreed` is the plan that a person has confirmed; raises `StalePlan` where it is no longer the plan to apply.
    """
    recorder = Recorder(reporter)
    cloud = prepared.located(target.cloud_for(recorder))
    check(prepared, agreed)
    if not prepared.plan.has_changes and not prepared.running:
        return _nothing_to_do(prepared, target, cloud)
    checks = Task(partial(check_access_and_quota, prepared, cloud, target.hub))
    with hold_lease(cloud, partial(observe_again, prepared, cloud), checks) as current:
        if current.plan.changing & BY_SDK:
            cloud.assets.warm_up()
        check(current, agreed)
        if resume_running(cloud, current):
            current = observe_again(current, cloud)
            check(current, None)
        smoke = _Smoke(current, target, cloud)
        apply(cloud, current, before_traffic=smoke.test)
        connection, answer = smoke.result()
    if kept := current.rollout.kept:
        cloud.reporter.note(f"{kept} stays at 0 % for `gatelift rollback` and still costs money; see `keep_previous`")
    return UpResult(current.plan, connection, tuple(recorder.phases), answer)


def _nothing_to_do(prepared: Prepared, target: Target, cloud: Cloud) -> UpResult:
    reading = replace(cloud, management=prepared.reads) if prepared.reads else cloud
    clear_abandoned(reading, cloud)
    return UpResult(prepared.plan, connection_info(reading, prepared.desired.spec, target.entra_token))


class _Smoke:
    """Runs the smoke test against the spec's deployment, whatever its share of the traffic.

    A deployment gets traffic only after it has answered, so after a failed test the next `up` tries again.
    """

    def __init__(self, prepared: Prepared, target: Target, cloud: Cloud) -> None:
        self._prepared = prepared
        self._target = target
        self._cloud = cloud
        self._result: tuple[ConnectInfo, str] | None = None

    def test(self) -> None:
        """Run the test before the traffic moves."""
        moves = self._prepared.rollout.gets_requests(self._prepared.observed.traffic)
        self._result = self._ask(self._prepared.spec.deployment.name.lower() if moves else "")

    def result(self) -> tuple[ConnectInfo, str]:
        """How to connect, and the answer; runs the test now unless it has been run."""
        return self._result or self._ask("")

    def _ask(self, serving: str) -> tuple[ConnectInfo, str]:
        spec = self._prepared.spec
        info = connection_info(self._cloud, spec, self._target.entra_token, deployment=serving)
        deployment_info = replace(
            info, model=spec.model.served_name or spec.model.id, deployment=spec.deployment.name.lower()
        )
        return info, smoke_test(deployment_info, self._cloud, self._target.arm.timeouts)
