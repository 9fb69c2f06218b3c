"""Checks before anything changes: is the plan current, does it lose anything, does the token work, is there quota."""

import os
from collections import Counter
from collections.abc import Callable

from infra.azure.cloud import Cloud
from infra.azure.image_builds import require_registry
from infra.azure.quota import check_quota
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError, NotReady, Refused, StalePlan
from infra.hub.refusals import NOT_CACHED
from infra.machine.local_vllm import check_vllm, serving_gpus
from infra.parallel import together
from infra.planning.desired import needs_token
from infra.planning.local_fit import check_fit, config_of
from infra.planning.plan import Action, Plan
from infra.planning.prepare import Prepared
from infra.planning.rollout import failed_before
from infra.planning.token_access import NOT_READABLE, WRITE_ANEW, check_token, find_token
from infra.reporter import Reporter
from infra.resources.base import Live
from infra.resources.connection import Connection, token_hint
from infra.resources.deployment import Deployment
from infra.resources.weights.version import Weights

GIVE = "run `export HF_TOKEN=…` (https://huggingface.co/settings/tokens): it opens the Hub for the copy alone"


def check(prepared: Prepared, agreed: Plan | None) -> None:
    """Raise `StalePlan` where the plan is no longer the `agreed` one, and `Refused` where it would lose something."""
    if agreed:
        check_fresh(agreed, prepared.plan)
    _check_not_moved_back(prepared)
    for resource, change in prepared.pairs:
        live = prepared.observed.of(resource)
        if change.action is Action.REPLACE and live and (hint := resource.obstacle(live, prepared.observed.traffic)):
            message = f"{change.kind} {change.name} would have to be replaced: {change.reason}"
            raise Refused(message, hint=hint, code="replace_refused")


def _check_not_moved_back(prepared: Prepared) -> None:
    """Raise `Refused` where the same version was tried before and broke the same limits, unless it is tried again."""
    record, rollout = prepared.observed.canary, prepared.spec.rollout
    if not record or not rollout or rollout.try_again or not failed_before(prepared.rollout, record):
        return
    message = (
        f"{record.new} was tried before, and requests were moved back to {record.old} {record.place}: {record.back}"
    )
    hint = (
        "change the spec: the version, or a limit of `rollout.slo`; or `gatelift up --try-again`, which starts again "
        "from the first step"
    )
    raise Refused(message, hint=hint, code="moved_back")


def check_fresh(planned: Plan, now: Plan) -> None:
    """Raise `StalePlan` where the spec or the live state has changed since `planned` was made."""
    before = {(c.kind, c.name): (c.action, c.diff, c.planned_against) for c in planned.changes}
    after = {(c.kind, c.name): (c.action, c.diff, c.planned_against) for c in now.changes}
    if planned.stack != now.stack:
        hint = "pass the spec that the plan was made from, or make a new plan with `gatelift plan --out FILE`"
        raise StalePlan(f"the plan is for the stack {planned.stack}, not for {now.stack}", hint=hint)
    changed = sorted(
        f"{kind} {name}" for kind, name in before | after if before.get((kind, name)) != after.get((kind, name))
    )
    if changed:
        raise StalePlan(
            f"changed since the plan was made: {', '.join(changed)}", hint="make a new plan and check it again"
        )


def check_access_and_quota(prepared: Prepared, target: Target, cloud: Cloud) -> None:
    """Ask the Hub whether the token gives access to the model, and Azure whether it can build and has the quota."""
    changing = prepared.plan.changing
    checks: list[Callable[[], object]] = []
    if changing & {"connection", "deployment"} and needs_token(prepared.desired.spec, prepared.desired.found):
        checks.append(lambda: _check_token(prepared, target, cloud.reporter))
    if "weights" in changing:
        checks.append(lambda: _check_copies(prepared, target))
    if "image" in changing:
        checks.append(lambda: require_registry(cloud))
    if changing & {"deployment", "autoscale"}:
        checks.append(lambda: _check_quota(prepared, cloud))
    if "deployment" in changing and target.local:
        checks.append(lambda: _check_memory(prepared, target, cloud.reporter))
    together(checks)


def _check_token(prepared: Prepared, target: Target, reporter: Reporter) -> None:
    spec, given = prepared.desired.spec, prepared.desired.token
    resource = next((each for each in prepared.resources if isinstance(each, Connection)), None)
    connection = prepared.observed.of(resource) if resource else None
    if resource and connection and resource.is_of_others(connection) and not resource.take_over:
        given = None  # the stack does not change a connection of others, so the stored token will be used
    try:
        found = find_token(spec, target, given=given, connection=connection, earlier_keys=True)
    except AccessDenied as error:
        if error.code not in NOT_READABLE:
            raise
        reporter.note(f"{error}, so it is not checked; {error.hint}")
        return
    if found.warning:
        reporter.note(f"{found.warning}; {WRITE_ANEW}")
    model = prepared.desired.found
    try:
        check_token(spec, target.hub, found.value, model.downloads if model else [])
    except NotReady as error:
        if error.code != NOT_CACHED and (model is None or model.facts.asked):
            raise
        reporter.note(f"the token is not checked: {error}")


def _check_copies(prepared: Prepared, target: Target) -> None:
    """Raise `AccessDenied` where the given token does not open what has to be copied from the Hub."""
    copies = [each for each, change in prepared.pairs if isinstance(each, Weights) and change.action is Action.CREATE]
    for weights in copies:
        if not weights.needs_token:
            continue
        if not weights.token:
            message = f"{weights.label} needs a token to be copied, and none was given"
            access = "" if target.local else f"; request access to it at {target.hub.page(weights.label)}"
            raise AccessDenied(
                message, hint=token_hint(local=True) if target.local else GIVE + access, code="token_missing"
            )
        target.hub.check_access(weights.label, weights.token)


def _check_memory(prepared: Prepared, target: Target, reporter: Reporter) -> None:
    """Check this machine's memory for the containers that the plan starts; replaced ones run until then."""
    resource, change = next(pair for pair in prepared.pairs if isinstance(pair[0], Deployment))
    live, found = prepared.observed.of(resource), prepared.desired.found
    more = int((resource.settle(live) if live else resource.desired)["instance_count"])
    if live and all(field == "instance_count" or field.startswith("tags") for field in change.fields):
        more -= int(live.state.get("instance_count") or 0)
    if found and more > 0:
        config = config_of(prepared.spec, found.facts, target.hub, prepared.desired.token)
        check_fit(prepared.spec, found.facts, config, more)
        if (scale := prepared.spec.deployment.autoscale) and scale.max > more:
            try:
                check_fit(prepared.spec, found.facts, config, scale.max)
            except GateliftError as error:
                reporter.note(f"autoscale may ask for {scale.max} instances, but {error}")
        if serving_gpus(os.environ):
            reporter.note(f"vLLM {check_vllm()}")


def _check_quota(prepared: Prepared, cloud: Cloud) -> None:
    """Check the quota for what the plan adds, or autoscale may add, beside what it deletes before."""
    deployment = next(resource for resource in prepared.resources if isinstance(resource, Deployment))
    live = prepared.observed.of(deployment)
    going = [c.name for c in prepared.plan.changes if c.action is Action.DELETE and c.kind == "deployment"]
    first = [prepared.observed.deployments[name] for name in going if not prepared.observed.traffic.get(name)]
    same_type = live is not None and deployment.settle(live)["instance_type"] == live.state["instance_type"]
    if live is not None and not same_type:  # it is deleted and made again
        first.append(live)
    running = _instances(live) if live and same_type else 0
    wanted = int((deployment.settle(live) if live else deployment.desired)["instance_count"])
    if scale := prepared.spec.deployment.autoscale:
        wanted = max(wanted, scale.max)
    freed = Counter({str(each.state["instance_type"]): 0 for each in first})
    for each in first:
        freed[str(each.state["instance_type"])] += _instances(each)
    try:
        check_quota(cloud, prepared.spec.deployment.instance_type, wanted=wanted, running=running, freed=freed)
    except Refused as error:
        if scale and wanted == scale.max:
            hint = f"lower deployment.autoscale.max, up to which it is checked; or {error.hint}"
            raise Refused(str(error), hint=hint, code=error.code) from None
        raise


def _instances(live: Live) -> int:
    """How many instances count against the quota."""
    return int(live.state.get("instance_count") or 0) if live.provisioning == "Succeeded" else 0
