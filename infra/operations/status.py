"""`status`: what exists of a stack now and what differs from the spec; `list`: the stacks of a workspace."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.azure.autoscale import autoscale_settings, enabled, of_endpoint
from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import Refused, SpecError
from infra.operations.catalog import catalog_list
from infra.operations.plan import plan
from infra.parallel import Task, together
from infra.planning.costs.basis import basis_of
from infra.planning.costs.running import hourly_cost, running_cost, types_of
from infra.planning.costs.saving import saving, saving_words
from infra.planning.desired import catalog_model_name
from infra.planning.observe import deployments, owned_endpoints, workspace
from infra.planning.plan import Action
from infra.planning.prepare import OTHER_ENDPOINT
from infra.planning.sources.folder import NOT_READ
from infra.planning.token_access import token_spec
from infra.planning.untagged import WAY_BACK, lost_tags, run_on
from infra.portal import Portal
from infra.resources.base import PREVIOUS_TAG, Live, owner_of
from infra.resources.canary.record import canary_among
from infra.resources.catalog_home import home_id
from infra.resources.connection import Connection
from infra.resources.endpoint import live_endpoint
from infra.resources.scaling.parked import BACK, Parked, meanwhile, parked_in
from infra.resources.scaling.setting import told
from infra.resources.startup_watch import startup_log
from infra.resources.traffic import nonzero
from infra.spec.model import StackSpec

CATALOG_FIELDS = ("name", "model_version", "visible", "invisible_until")
GONE_WHILE_PARKED = (("deployment", "create"), ("traffic", "create"), ("autoscale", "create"))
CORRECTED = "`gatelift up` corrects it"
CANARIED = ("deployment", "traffic", "autoscale")
TRIED_AGAIN = "`gatelift plan` says whether `up` tries that again"
STARTUP = re.compile(r"\[startup\] (?P<phase>[a-z ]+?) (?P<seconds>[\d.]+) s")


def status(spec: StackSpec, target: Target) -> dict[str, Any]:
    """The state of each resource, what differs from the spec (`drift`), and what needs attention (`warnings`)."""
    found = _existing(spec, target)
    if found["endpoint"] is not None:
        found |= _drift(spec, target)
    if parked := found["parked"]:
        found["parked"] = parked | {"saves": saving(target, target.cloud.region, parked["instances"])}
        found["drift"] = [each for each in found["drift"] if (each["kind"], each["action"]) not in GONE_WHILE_PARKED]
    if spec.catalog:
        entries = catalog_list(spec, target, include_hidden=True, as_of=None)
        found["catalog"] = [
            {field: entry[field] for field in CATALOG_FIELDS} for entry in entries if entry["model"] == spec.model.label
        ]
    if target.local:
        found["instances"] = _instances(target.portal, spec.endpoint.name)
    return found | {"warnings": list(warnings(found))}


def _drift(spec: StackSpec, target: Target) -> dict[str, Any]:
    try:
        changes = plan(spec, target, token=None).changes
    except (Refused, SpecError) as error:
        if error.code not in ("not_ours", NOT_READ):  # a folder may be on another machine only
            raise
        return {"drift": [], "refused": f"{error}; {error.hint}"}  # what is not the stack's own has no drift
    drift = [
        {"kind": change.kind, "name": change.name, "action": str(change.action), "fields": change.fields}
        for change in changes
        if change.action is not Action.NONE
    ]
    return {"drift": drift}


def _existing(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Endpoint, deployments, connection and catalog entries as they exist, and what runs costs; None where none do."""
    cloud = target.cloud
    name = spec.endpoint.name.lower()
    where = token_spec(spec)
    model = catalog_model_name(spec)
    registry = spec.catalog.registry if spec.catalog else None
    answers: list[Any] = together(
        [
            lambda: cloud.management.get(cloud.workspace.endpoint(name)),
            lambda: deployments(cloud, name),
            lambda: Connection(where.connection, where.key, spec.name).read(cloud),
            lambda: cloud.management.list(f"{home_id(cloud, registry)}/models/{model}/versions"),
            lambda: of_endpoint(autoscale_settings(cloud) or (), name),
            lambda: owned_endpoints(cloud),
            lambda: cloud.region,
        ]
    )
    endpoint, live_deployments, connection, versions, settings, owned, region = answers
    scalers = enabled(settings)
    running = [live for live in live_deployments.values() if live.owner in ("", spec.name)]
    if endpoint is None:
        workspace(cloud)
    return {
        "stack": spec.name,
        "local": cloud.local,
        "workspace": cloud.workspace.name,
        "endpoint": _endpoint(endpoint, {each: live.owner for each, live in live_deployments.items()}, spec.name),
        "parked": (parked := parked_in(endpoint)) and {"since": parked.since, "instances": parked.instances},
        "deployments": [
            {**_deployment(cloud, name, live), "autoscale": scalers[each].name if each in scalers else None}
            for each, live in sorted(live_deployments.items())
        ],
        "autoscale": [told(each) for _, each in sorted(settings.items())],
        "connection": connection and {"name": where.connection, "key": where.key, "owner": connection.owner},
        "models": [f"{model}:{version['name']}" for version in versions],
        "other_endpoints": [each for each in owned if each.lower() != name],
        "cost": running_cost(running, target.prices, region, target.clock.utc()) if running else None,
    }


def _endpoint(document: dict[str, Any] | None, owners: Mapping[str, str], stack: str) -> dict[str, Any] | None:
    if document is None:
        return None
    live = live_endpoint(document)
    properties = document.get("properties", {})
    canary = canary_among(live.state["tags"], [name for name, owner in owners.items() if owner == stack])
    return {
        "name": live.state["name"],
        "state": live.provisioning,
        "scoring_uri": properties.get("scoringUri"),
        "auth_mode": live.state["auth_mode"],
        "traffic": (traffic := nonzero(properties.get("traffic"))),
        "previous": previous
        if (previous := live.state["tags"].get(PREVIOUS_TAG)) in owners.keys() - set(traffic)
        else None,
        "rollout": canary
        and {
            "deployment": canary.new,
            "from": canary.old,
            "step": canary.at,
            "since": canary.since,
            "moved_back": canary.back or None,
        },
        "owner": live.owner,
    }


def _deployment(cloud: Cloud, endpoint: str, live: Live) -> dict[str, Any]:
    log = startup_log(cloud, cloud.workspace.deployment(endpoint, str(live.state["name"])))
    return {
        "name": live.state["name"],
        "state": live.provisioning,
        "instance_type": live.state["instance_type"],
        "instance_count": live.state["instance_count"],
        "owner": live.owner,
        "lost_tags": lost_tags(live),
        "startup": {match["phase"]: float(match["seconds"]) for match in STARTUP.finditer(log)},
    }


def _instances(portal: str, endpoint: str) -> list[dict[str, Any]]:
    """The processes that run as the endpoint's instances in the emulator."""
    found = []
    for instance in Portal(portal).get("instances"):
        of_endpoint, _, deployment = instance["deployment"].partition("/deployments/")
        if of_endpoint.rpartition("/")[2].lower() == endpoint.lower():
            found.append({**instance, "deployment": deployment})
    return found


def warnings(document: Mapping[str, Any]) -> Iterator[str]:
    """What needs attention, one sentence each."""
    endpoint = document.get("endpoint")
    for name in document.get("other_endpoints", []):
        yield f"the endpoint {name} {OTHER_ENDPOINT}"
    if not endpoint:
        yield "the endpoint does not exist; `gatelift up` creates it"
        return
    if parked := document.get("parked"):
        yield _parked_words(parked, document)
    elif not endpoint.get("traffic"):
        yield "no deployment gets traffic, so the endpoint answers 404"
    if previous := endpoint.get("previous"):
        yield f"{previous} gets no requests but costs money; it is kept for `gatelift rollback`, see `keep_previous`"
    back = CORRECTED
    if rollout := endpoint.get("rollout"):
        yield _rollout_words(rollout)
        back = TRIED_AGAIN if rollout["moved_back"] else CORRECTED
    for deployment in document.get("deployments", []):
        if deployment["state"] == "Failed":
            yield f"the deployment {deployment['name']} failed; `gatelift logs` shows why"
        if deployment.get("lost_tags"):
            count = deployment["instance_count"]
            yield f"the deployment {deployment['name']}: {run_on(count)}; {WAY_BACK} if it is this stack's"
    for instance in document.get("instances", []):
        which = f"instance {instance['instance']} of {instance['deployment']}"
        if not instance["ready"]:
            yield f"{which} is not ready"
        if instance["restarts"]:
            times = "once" if instance["restarts"] == 1 else f"{instance['restarts']} times"
            yield f"{which} was restarted {times}; last exit: {instance['last_exit']}"
    if refused := document.get("refused"):
        yield refused
    for difference in document.get("drift", []):
        which = f"{difference['kind']} {difference['name']}"
        fields = f" ({', '.join(difference['fields'])})" if difference["fields"] else ""
        found = "does not exist" if difference["action"] == "create" else f"differs from the spec{fields}"
        yield f"{which} {found}; {back if difference['kind'] in CANARIED else CORRECTED}"


def _parked_words(parked: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Since when it is parked and what that saves; or that a `park` or `wake` has not come to its end."""
    since = Parked(parked["since"]).words
    own = [each["name"] for each in document.get("deployments", []) if each["owner"] == document["stack"]]
    if own:
        return (
            f"{since}, but {', '.join(own)} still exists and costs money: `gatelift park` deletes it, `gatelift "
            "wake` makes the others again"
        )
    saves = saving_words(parked.get("saves"), local=bool(document.get("local")))
    return f"{since}{saves}: {meanwhile(document['endpoint'].get('traffic') or {})}; {BACK}"


def _rollout_words(rollout: Mapping[str, Any]) -> str:
    new, old = rollout["deployment"], rollout["from"]
    place = f"at {rollout['step']} %" if rollout["step"] else "at 0 % (requests are mirrored)"
    if back := rollout["moved_back"]:
        return f"{new} was moved back to {old} {place}, {rollout['since']}: {back}; it stays at 0 % and costs money"
    return (
        f"a rollout of {new} beside {old} is {place} since {rollout['since']}; `gatelift up` goes on from there if "
        "none is running, `gatelift rollback` moves everything back"
    )


def list_stacks(target: Target) -> dict[str, Any]:
    """The stacks of the workspace, one for each endpoint on which a stack has something, and what lost its tags.

    Returns `{"subscription_id", "resource_group", "workspace", "stacks": [{"name", "endpoint", "state", "deployments":
    [{"name", "state", "instance_type", "instance_count"}], "instances", "parked", "last_change": {"at", "by"}}],
    "untagged": [{"endpoint", "deployment", "instances"}]}`. Raises `NotFound` where there is no such workspace.
    """
    cloud = target.cloud
    region = Task(lambda: cloud.region)
    documents = cloud.management.list(f"{cloud.workspace.id}/onlineEndpoints")
    if not documents:
        workspace(cloud)
    found = together([lambda n=document["name"]: deployments(cloud, n) for document in documents])  # type: ignore[misc]
    every = [live for on_it in found for live in on_it.values()]
    basis = basis_of(target.prices, region.result(), types_of(every))
    stacks, untagged = [], []
    for document, on_it in zip(documents, found, strict=True):
        owner = owner_of(document.get("tags"))
        for name in sorted({owner, *(live.owner for live in on_it.values())} - {""}):
            own = [live for live in on_it.values() if live.owner == name]
            stacks.append({**_stack(name, document, own, owns=name == owner), "cost": hourly_cost(own, basis)})
        untagged += [
            {"endpoint": document["name"], "deployment": name, "instances": _count(live)}
            for name, live in sorted(on_it.items())
            if lost_tags(live)
        ]
    return {
        "subscription_id": cloud.workspace.subscription_id,
        "resource_group": cloud.workspace.resource_group,
        "workspace": cloud.workspace.name,
        "stacks": sorted(stacks, key=lambda stack: (stack["name"], stack["endpoint"])),
        "untagged": untagged,
        "cost": {**basis.to_json(), **hourly_cost(every, basis)},
    }


def _stack(name: str, endpoint: Mapping[str, Any], own: Sequence[Live], *, owns: bool) -> dict[str, Any]:
    return {
        "name": name,
        "endpoint": endpoint["name"],
        "state": str(endpoint.get("properties", {}).get("provisioningState", "Succeeded")),
        "deployments": [
            {
                "name": live.state["name"],
                "state": live.provisioning,
                "instance_type": live.state["instance_type"],
                "instance_count": _count(live),
            }
            for live in sorted(own, key=lambda live: str(live.state["name"]))
        ],
        "instances": sum(_count(live) for live in own),
        "parked": (parked := parked_in(endpoint) if owns else None) and parked.since,
        "last_change": _last_change([*([endpoint] if owns else []), *(live.document for live in own)]),
    }


def _last_change(documents: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """When one of them was last written, and by whom, as Azure stamps it."""
    stamps = [document.get("systemData") or {} for document in documents]
    last = max(stamps, key=lambda stamp: str(stamp.get("lastModifiedAt") or ""), default={})
    return {"at": last.get("lastModifiedAt"), "by": last.get("lastModifiedBy")}


def _count(live: Live) -> int:
    return int(live.state.get("instance_count") or 0)
