"""Decides which of the stack's deployments is the spec's, from the spec and the live state and without any request.

Azure cannot change a deployment's VM size. So where the deployment that gets the requests has another size, the stack
starts a second one beside it: under the name in the spec if that is free, else under a name derived from it and the
size. Requests move to the new deployment once it has answered one; the old one stays at 0 % for `gatelift rollback`,
unless the spec says otherwise.

With `rollout` in the spec, every change that would restart the containers of a deployment with requests starts a second
one, so that there is something to compare; requests then move in steps.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from infra.digests import fingerprint
from infra.errors import Refused
from infra.planning.observe import Observed
from infra.planning.plan import Action, Change, FieldChange, Plan, differences
from infra.resources.base import Live
from infra.resources.canary.record import Canary
from infra.resources.canary.shares import Shares
from infra.resources.deployment import Deployment
from infra.resources.scaling.parked import Parked
from infra.spec.deployment import DeploymentSpec
from infra.spec.model import StackSpec, to_values
from infra.spec.rollout import RolloutSpec
from infra.spec.rules import PLATFORM_VARIABLES

OURS = "GATELIFT_"
STEM = 27  # characters: a name may have 32, and a hyphen and four digits follow
NO_VERSION = ("name", "instance_count", "tags")  # fields of a deployment whose change restarts no container


class Steps(Struct, frozen=True):
    """What is known for a rollout in steps."""

    canary: Canary | None = None
    """The record on the endpoint."""
    fits: Callable[[Live], bool] | None = None
    """Whether a deployment is the version that the spec describes; None where only the spec is known."""
    version: str = ""
    """The fingerprint of that version."""


class Rollout(Struct, frozen=True):
    """Which deployment does what: `current` is the spec's, whether it exists or not."""

    current: str
    replaces: str = ""
    """The deployment that gets the requests until `current` has answered one; empty where `current` exists."""
    leaving: tuple[str, ...] = ()
    """The stack's other deployments, whose requests go to `current`."""
    kept: str = ""
    """The one of `leaving` that is not deleted but stays at 0 % for `gatelift rollback`."""

    stable: str = ""
    """The one of `leaving` from which requests move in steps, and back to which after a breach; empty without steps."""
    print: str = ""
    """The fingerprint of what is tried in steps: the version, and the limits it has to keep to."""

    @property
    def to_delete(self) -> tuple[str, ...]:
        """The deployments to delete."""
        return tuple(name for name in self.leaving if name != self.kept)

    def gets_requests(self, traffic: Mapping[str, int]) -> bool:
        """Whether `current` will get requests, given the present split; deployments of others keep their shares."""
        return not traffic or any(traffic.get(name) for name in (self.current, *self.leaving))


def roll_out(
    spec: StackSpec,
    deployments: Mapping[str, Live],
    traffic: Mapping[str, int],
    previous: str = "",
    steps: Steps | None = None,
) -> Rollout:
    """Choose among the endpoint's deployments; `previous` is the one that the endpoint's tag names for a rollback."""
    steps = steps or Steps()
    mine = {name: live for name, live in deployments.items() if live.owner == spec.name}
    wanted = spec.deployment.name.lower()
    family = [name for name in mine if name == wanted or is_sibling(name, wanted)]
    canary = steps.canary if steps.canary and {steps.canary.new, steps.canary.old} <= set(mine) else None
    moving = canary if canary and canary.under_way else None
    by_version = steps.fits if spec.rollout or moving else None
    fits = by_version or _of_size(spec.deployment)
    fitting = [name for name in family if fits(mine[name])]
    keeper = moving.old if moving else ""
    busy = [name for name in family if traffic.get(name) or name == keeper]
    serving = max(busy, key=lambda name: (name == keeper, traffic.get(name, 0)), default="")
    if fitting:
        current = max(fitting, key=lambda name: (traffic.get(name, 0), name == wanted))
    elif wanted in busy:
        current = sibling(wanted, steps.version if by_version else spec.deployment.instance_type)
    else:
        current = wanted
    leaving = tuple(sorted(name for name in mine if name != current))
    stable = _stable(current, leaving, traffic, moving) if spec.rollout else ""
    kept = stable if stable and spec.deployment.keep_previous else _kept(spec, mine, traffic, previous, leaving)
    attempt = fingerprint([steps.version, to_values(spec.rollout.slo)]) if spec.rollout else ""
    return Rollout(current, serving if current not in mine else "", leaving, kept, stable, attempt)


def is_version(deployment: Deployment, live: Live) -> bool:
    """Whether a live deployment runs what this one describes, whatever its name, its tags and its instances."""
    changed = differences(deployment.settle(live), live.state, deployment.exact, deployment.updatable)
    return all(field.path.partition(".")[0] in NO_VERSION for field in changed)


def version_of(deployment: Deployment) -> str:
    """The fingerprint of what a deployment runs."""
    return fingerprint({name: value for name, value in deployment.desired.items() if name not in NO_VERSION})


def sibling(name: str, other: str) -> str:
    """The name of a second deployment beside `name`, with another VM size or of another version."""
    return f"{name[:STEM].rstrip('-')}-{fingerprint(other.lower())[:4]}"


def is_sibling(name: str, wanted: str) -> bool:
    """Whether `sibling` derived this name from the wanted one."""
    return re.fullmatch(re.escape(wanted[:STEM].rstrip("-")) + r"-[0-9a-f]{4}", name) is not None


def renamed(spec: StackSpec, name: str) -> StackSpec:
    """The spec with another name for its deployment."""
    return spec.but(deployment=spec.deployment.but(name=name))


def show_rollout(
    plan: Plan, rollout: Rollout, deployment: Deployment, observed: Observed, spec: RolloutSpec | None
) -> Plan:
    """The plan with the new deployment shown as a replacement of the old one, and with the one kept for a rollback."""
    changes = list(plan.changes)
    if rollout.stable and spec:
        moving = _steps_in_words(rollout, observed, spec)
        changes = [
            replace(one, reason=moving) if one.kind == "traffic" and one.action is Action.UPDATE else one
            for one in changes
        ]
    if rollout.replaces:
        changes = [
            _replacement(change, rollout, deployment, observed) if _creates(change, deployment) else change
            for change in changes
        ]
    if rollout.kept:
        reason = "kept at 0 % of the requests for `gatelift rollback`; `deployment.keep_previous: false` deletes it"
        changes.append(Change(Action.NONE, "deployment", rollout.kept, reason))
    return replace(plan, changes=tuple(changes))


def show_scaling(plan: Plan, spec: StackSpec, rollout: Rollout, observed: Observed) -> Plan:
    """The plan with the deletion of the stack's autoscale settings that the spec no longer has, or not for `current`.

    Raises `Refused` where somebody else's setting targets the deployment that the spec scales, too.
    """
    wanted = {change.name for change in plan.changes if change.kind == "autoscale"}
    going = []
    for name, live in sorted(observed.settings.items()):
        target = live.state["deployment"]
        if name in wanted:
            continue
        if live.owner == spec.name:
            left = spec.deployment.autoscale and target != rollout.current
            reason = f"{target} gets no requests any more" if left else "the spec no longer has it"
            going.append(Change(Action.DELETE, "autoscale", name, reason))
        elif wanted and target == rollout.current:
            raise Refused(
                f"the autoscale setting {name} of somebody else targets {target}, and Azure Monitor takes one alone",
                hint="delete it in the portal (Monitor, Autoscale), or leave deployment.autoscale out of the spec",
                code="not_ours",
            )
    return replace(plan, changes=(*plan.changes, *going))


def decider(spec: StackSpec, rollout: Rollout, observed: Observed) -> str:
    """The autoscale setting that decides how many instances `current` has; empty for none, or for one that goes."""
    setting = observed.autoscale.get(rollout.current)
    if setting is None or (spec.deployment.autoscale is None and observed.is_own(setting.name, spec.name)):
        return ""
    return setting.name


def show_parked(plan: Plan, parked: Parked | None) -> Plan:
    """The plan, which says of the deployment of a parked stack that it is made as the spec says, not as it was."""
    if parked is None:
        return plan
    said = f"{parked.words}: made again as the spec says; `gatelift wake` brings back what ran instead"
    return replace(
        plan,
        changes=tuple(
            replace(change, reason="; ".join(filter(None, (change.reason, said))))
            if change.kind == "deployment" and change.action is Action.CREATE
            else change
            for change in plan.changes
        ),
    )


def _replacement(change: Change, rollout: Rollout, deployment: Deployment, observed: Observed) -> Change:
    before = observed.deployments[rollout.replaces]
    changed = differences(deployment.settle(before), before.state, deployment.exact, deployment.updatable)
    diff = tuple(field for field in changed if field.path != "name")
    then = f"{rollout.replaces} stays at 0 %" if rollout.kept == rollout.replaces else f"{rollout.replaces} is deleted"
    fixed = _fixed_fields(diff)
    why = f"{fixed} cannot change in place" if fixed else "it is compared with what it replaces (`rollout`)"
    when = "in steps" if rollout.stable else "once it has answered one"
    reason = f"{why}: it starts beside {rollout.replaces}, requests move to it {when}, then {then}"
    if (setting := observed.autoscale.get(rollout.replaces)) and not observed.is_own(setting.name, deployment.stack):
        reason += f"; the autoscale setting {setting.name} goes on to target only {rollout.replaces}"
    if lost := _platform_variables(before):
        reason += f"; it will be without {', '.join(lost)}, which {rollout.replaces} has"
    against = fingerprint([before.state, before.provisioning])
    return replace(change, action=Action.REPLACE, reason=reason, diff=diff, planned_against=against)


def _steps_in_words(rollout: Rollout, observed: Observed, spec: RolloutSpec) -> str:
    shares = Shares(rollout.current, rollout.stable, rollout.leaving)
    left = ", ".join(f"{step} %" for step in shares.left(observed.traffic, spec.steps))
    record = observed.canary
    if failed_before(rollout, record) and record:
        said = f"rollout: {record.place} it was moved back: {record.back}"
        return said if not spec.try_again else f"{said}; it is tried again: {left}"
    if at := shares.at(observed.traffic):
        return f"rollout: at {at} %, " + (f"next {left}" if left else "to be watched once more")
    first = f"{spec.mirror} % are mirrored, then " if spec.mirror else ""
    return f"rollout: {first}in steps of {left}, each watched for {spec.pause}"


def failed_before(rollout: Rollout, record: Canary | None) -> bool:
    """Whether what the plan tries in steps was tried before, and moved back."""
    return bool(
        record and rollout.stable and record.back and record.new == rollout.current and record.print == rollout.print
    )


def _platform_variables(live: Live) -> list[str]:
    """The variables with the platform's prefixes, which no spec can have: somebody else has set them."""
    variables = live.document.get("properties", {}).get("environmentVariables") or {}
    return sorted(name for name in variables if name.startswith(PLATFORM_VARIABLES) and not name.startswith(OURS))


def _fixed_fields(diff: tuple[FieldChange, ...]) -> str:
    return ", ".join(field.path for field in diff if field.forces_replace)


def _creates(change: Change, deployment: Deployment) -> bool:
    return (change.kind, change.name, change.action) == ("deployment", deployment.name, Action.CREATE)


def _kept(
    spec: StackSpec, mine: Mapping[str, Live], traffic: Mapping[str, int], previous: str, leaving: tuple[str, ...]
) -> str:
    if not spec.deployment.keep_previous:
        return ""
    if serving := _busiest(leaving, traffic):
        return serving
    return previous if previous in leaving and mine[previous].provisioning == "Succeeded" else ""


def _stable(current: str, leaving: tuple[str, ...], traffic: Mapping[str, int], moving: Canary | None) -> str:
    """The deployment to compare with, which keeps the rest of the requests; none for a way back, which is at once."""
    if moving and moving.old in leaving:
        return moving.old if any(traffic.get(name) for name in (current, *leaving)) else ""
    if moving and moving.old == current:
        return ""
    return _busiest(leaving, traffic)


def _busiest(names: tuple[str, ...], traffic: Mapping[str, int]) -> str:
    return max((name for name in names if traffic.get(name)), key=lambda name: traffic[name], default="")


def _of_size(wanted: DeploymentSpec) -> Callable[[Live], bool]:
    return lambda live: str(live.state.get("instance_type")).lower() == wanted.instance_type.lower()
