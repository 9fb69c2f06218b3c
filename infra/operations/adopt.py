"""`adopt`: makes an existing endpoint the stack's own by putting the stack's tag on it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from infra.azure.target import Target
from infra.errors import Refused
from infra.planning.plan import Action, plan_one
from infra.planning.serving import serving
from infra.planning.untagged import lost_tags
from infra.resources.base import OWNER_TAG, owner_of
from infra.resources.endpoint import ENFORCE, Endpoint, live_endpoint
from infra.spec.model import StackSpec


def adopt(spec: StackSpec, target: Target) -> list[str]:
    """Put the stack's tag on the endpoint, on the spec's deployment if that exists, and on those that lost their tags.

    These are deployments of gatelift's making without an owner that serve the spec's model.

    Returns what was tagged, each as `KIND NAME`. Raises `Refused` where another stack owns one of them, or where the
    endpoint cannot be changed in place to what the spec says.
    """
    cloud = target.cloud
    found = serving(cloud, spec)
    documents = {f"endpoint {found.document['name']}": found.document}
    wanted = spec.deployment.name.lower()
    lost = {name for name, live in found.deployments.items() if lost_tags(live, spec.model.label, spec.model.name)}
    for name in sorted({wanted, *lost} & set(found.deployments)):
        documents[f"deployment {name}"] = found.deployments[name].document
    owners = {what: owner_of(document.get("tags")) for what, document in documents.items()}
    for what, owner in owners.items():
        if owner not in ("", spec.name):
            hint = f"run `gatelift down` with that stack's spec, or remove the tag `{OWNER_TAG}` by hand"
            raise Refused(f"the {what} belongs to the stack {owner}", hint=hint, code="not_ours")
    _check_in_place(spec, found.document)
    tagged = [what for what, owner in owners.items() if not owner]
    for what in tagged:
        document = documents[what]
        id, tags = document["id"], {**(document.get("tags") or {}), OWNER_TAG: f"{spec.name}@adopted"}
        cloud.poller.wait(cloud.begin(partial(cloud.management.begin_patch, id, {"tags": tags})))
    return tagged


def _check_in_place(spec: StackSpec, document: Mapping[str, Any]) -> None:
    """Raise `Refused` where every later `up` would be refused, because it could not change the endpoint in place."""
    live = replace(live_endpoint(document), owner=spec.name)
    change = plan_one(spec.name, Endpoint(spec.endpoint, spec.name), live)
    if change.action is not Action.REPLACE:
        return
    fixed = [field for field in change.diff if field.forces_replace]
    differences = ", ".join(f"{field.path} is {field.before or 'not set'}, not {field.after}" for field in fixed)
    hint = "change the spec to match the endpoint, or choose another endpoint.name"
    if any(ENFORCE in field.path and field.after == "enabled" for field in fixed):
        hint = f"write `{ENFORCE}: disabled` to match the endpoint, or choose another endpoint.name"
    message = f"the endpoint {change.name} differs from the spec and cannot change in place: {differences}"
    raise Refused(message, hint=hint, code="replace_refused")
