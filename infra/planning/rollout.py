"""Decides which of the stack's deployments is the spec's, from the spec and the live state and without any request.

Azure cannot change a deployment's VM size. So where the deployment that gets the requests has another size, the stack
starts a second one beside it: under the name in the spec if that is free, else under a name derived from it and the
size. Requests move to the new deployment once it has answered one; the old one stays at 0 % for `gatelift rollback`,
unless the spec says otherwise.
"""

import re
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from infra.digests import fingerprint
from infra.errors import Refused
from infra.planning.observe import Observed
from infra.planning.plan import Action, Change, FieldChange, Plan, differences
from infra.resources.base import Live
from infra.resources.deployment import Deployment
from infra.resources.scaling.parked import Parked
from infra.spec.deployment import DeploymentSpec
from infra.spec.model import StackSpec
from infra.spec.rules import PLATFORM_VARIABLES

OURS = "GATELIFT_"
STEM = 27  # characters: a name may have 32, and a hyphen and four digits follow


class Rollout(Struct, frozen=True):
    """Which deployment does what: `current` is the spec's, whether it exists or not."""

    current: str
    replaces: str = ""
    """The deployment that gets the requests until `current` has answered one; empty where `current` exists."""
    leaving: tuple[str, ...] = ()
    """The stack's other deployments, whose requests go to `current`."""
    kept: str = ""
    """The one of `leaving` that is not deleted but stays at 0 % for `gatelift rollback`."""

    @property
    def to_delete(self) -> tuple[str, ...]:
        """The deployments to delete."""
        return tuple(name for name in self.leaving if name != self.kept)

    def gets_requests(self, traffic: Mapping[str, int]) -> bool:
        """Whether `current` will get requests, given the present split; deployments of others keep their shares."""
        return not traffic or any(traffic.get(name) for name in (self.current, *self.leaving))


def roll_out(
    spec: StackSpec, deployments: Mapping[str, Live], traffic: Mapping[str, int], previous: str = ""
) -> Rollout:
    """Choose among the endpoint's deployments; `previous` is the one that the endpoint's tag names for a rollback."""
    mine = {name: live for name, live in deployments.items() if live.owner == spec.name}
    wanted = spec.deployment.name.lower()
    family = [name for name in mine if name == wanted or is_sibling(name, wanted)]
    fitting = [name for name in family if _same_size(mine[name], spec.deployment)]
    serving = max((name for name in family if traffic.get(name)), key=lambda name: traffic[name], default="")
    if fitting:
        current = max(fitting, key=lambda name: (traffic.get(name, 0), name == wanted))
    elif traffic.get(wanted) and wanted in mine:
        current = sibling(wanted, spec.deployment.instance_type)
    else:
        current = wanted
    leaving = tuple(sorted(name for name in mine if name != current))
    kept = _kept(spec, mine, traffic, previous, leaving)
    return Rollout(current, serving if current not in mine else "", leaving, kept)


def sibling(name: str, instance_type: str) -> str:
    """The name of a second deployment beside `name`, with another VM size."""
    return f"{name[:STEM].rstrip('-')}-{fingerprint(instance_type.lower())[:4]}"


def is_sibling(name: str, wanted: str) -> bool:
    """Whether `sibling` derived this name from the wanted one."""
    return re.fullmatch(re.escape(wanted[:STEM].rstrip("-")) + r"-[0-9a-f]{4}", name) is not None


def renamed(spec: StackSpec, name: str) -> StackSpec:
    """The spec with another name for its deployment."""
    return spec.but(deployment=spec.deployment.but(name=name))


def show_rollout(plan: Plan, rollout: Rollout, deployment: Deployment, observed: Observed) -> Plan:
    """The plan with the new deployment shown as a replacement of the old one, and with the one kept for a rollback."""
    changes = list(plan.changes)
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
    reason = (
        f"{_fixed_fields(diff)} cannot change in place: it starts beside {rollout.replaces}, requests move to it once "
        f"it has answered one, then {then}"
    )
    if (setting := observed.autoscale.get(rollout.replaces)) and not observed.is_own(setting.name, deployment.stack):
        reason += f"; the autoscale setting {setting.name} goes on to target only {rollout.replaces}"
    if lost := _platform_variables(before):
        reason += f"; it will be without {', '.join(lost)}, which {rollout.replaces} has"
    against = fingerprint([before.state, before.provisioning])
    return replace(change, action=Action.REPLACE, reason=reason, diff=diff, planned_against=against)


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
    serving = max((name for name in leaving if traffic.get(name)), key=lambda name: traffic[name], default="")
    if serving:
        return serving
    return previous if previous in leaving and mine[previous].provisioning == "Succeeded" else ""


def _same_size(live: Live, wanted: DeploymentSpec) -> bool:
    return str(live.state.get("instance_type")).lower() == wanted.instance_type.lower()
