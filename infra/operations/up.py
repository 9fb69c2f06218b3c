"""`up`: prepare, plan, check, apply, and run a smoke test."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotReady
from infra.operations.connect import ConnectInfo, connection_info
from infra.operations.smoke import PRIVATE, smoke_test
from infra.parallel import Task
from infra.planning.apply import apply, resume_running
from infra.planning.check import check, check_access_and_quota
from infra.planning.lease import hold_lease
from infra.planning.plan import Plan
from infra.planning.prepare import Prepared, observe_again, prepare
from infra.reporter import Phase, Recorder, Reporter
from infra.resources.scaling.parked import forget_parked
from infra.spec.model import StackSpec

T = TypeVar("T")


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


def up(
    prepared: Prepared, target: Target, *, reporter: Reporter, agreed: Plan | None = None, smoke: bool = True
) -> UpResult:
    """Make the stack what the spec describes, and check that the endpoint answers.

    `agreed` is the plan that a person has confirmed; raises `StalePlan` where it is no longer the plan to apply.
    Without `smoke` no question is asked, and the traffic moves untested; with it, the traffic moves only after an
    answer, and in steps where the spec has a `rollout`.
    """
    recorder = Recorder(reporter)
    cloud = prepared.located(target.cloud_for(recorder))
    check(prepared, agreed)
    if not (prepared.plan.has_changes or prepared.running or prepared.observed.parked):
        return _nothing_to_do(prepared, target, cloud)
    checks = Task(partial(check_access_and_quota, prepared, target, cloud))
    with hold_lease(cloud, "up", partial(observe_again, prepared, cloud), checks) as current:
        check(current, agreed)
        if resume_running(cloud, current):
            current = observe_again(current, cloud)
            check(current, None)
        ask = partial(_smoke_test if smoke else _untested, current, target, cloud)
        before_traffic = partial(_then_in_steps, ask, current, target, cloud)
        if parked := current.observed.parked:
            cloud.reporter.note(f"{current.spec.name} is {parked.words}: it is woken to what the spec says")
        connection, answer = apply(cloud, current, before_traffic) or ask()
        if parked:
            forget_parked(cloud, current.endpoint)
    if kept := current.rollout.kept:
        cloud.reporter.note(f"{kept} stays at 0 % for `gatelift rollback` and still costs money; see `keep_previous`")
    return UpResult(current.plan, replace(connection, parked=None), tuple(recorder.phases), answer)


def _nothing_to_do(prepared: Prepared, target: Target, cloud: Cloud) -> UpResult:
    reading = replace(cloud, management=prepared.reads) if prepared.reads else cloud
    return UpResult(prepared.plan, connection_info(reading, prepared.desired.spec, target.entra_token))


def _then_in_steps(ask: Callable[[], T], prepared: Prepared, target: Target, cloud: Cloud) -> T:
    answer = ask()
    if prepared.rollout.stable:
        from infra.operations.canary import in_steps  # a tenth of the start of `up`, which few runs need

        in_steps(prepared, target, cloud)
    return answer


def _smoke_test(prepared: Prepared, target: Target, cloud: Cloud) -> tuple[ConnectInfo, str]:
    """Ask the spec's deployment one question, whatever the traffic; returns how to connect, and the answer."""
    connection, asked = _connections(prepared, target, cloud)
    private = prepared.spec.endpoint.public_network_access == "disabled"
    try:
        return connection, smoke_test(asked, cloud, target.arm.timeouts, private=private)
    except NotReady as error:
        if error.code == PRIVATE:
            cloud.reporter.note(f"{asked.deployment} is running but untested; {_traffic_words(prepared)}")
        raise


def _untested(prepared: Prepared, target: Target, cloud: Cloud) -> tuple[ConnectInfo, str]:
    connection, asked = _connections(prepared, target, cloud)
    cloud.reporter.note(f"the smoke test of {asked.deployment} was skipped: nothing shows yet that it answers")
    return connection, ""


def _connections(prepared: Prepared, target: Target, cloud: Cloud) -> tuple[ConnectInfo, ConnectInfo]:
    """How clients connect, and how the spec's deployment alone is asked."""
    spec = prepared.spec
    name = spec.deployment.name.lower()
    serving = name if prepared.rollout.gets_requests(prepared.observed.traffic) else ""
    connection = connection_info(cloud, spec, target.entra_token, deployment=serving)
    return connection, replace(connection, model=spec.model.name, deployment=name)


def _traffic_words(prepared: Prepared) -> str:
    if "traffic" in prepared.plan.changing:
        return "the traffic was not moved"
    return "the traffic is as it was"
