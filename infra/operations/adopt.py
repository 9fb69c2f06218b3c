"""`adopt`: an endpoint that exists becomes the stack's own, by its tag."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from infra.azure.target import Target
from infra.errors import Refused
from infra.planning.plan import Action, plan_one
from infra.planning.serving import serving
from infra.resources.base import OWNER_TAG, owner_of
from infra.resources.endpoint import ENFORCE, Endpoint, live_endpoint
from infra.spec.model import StackSpec


def adopt(spec: StackSpec, target: Target) -> list[str]:
    """Put the stack's tag on the endpoint, and on the spec's deployment if that exists; `kind name` of what got it."""
    cloud = target.cloud
    found = serving(cloud, spec)
    documents = {f"endpoint {found.document['name']}": found.document}
    wanted = spec.deployment.name.lower()
    if wanted in found.lives:
        documents[f"deployment {wanted}"] = found.lives[wanted].document
    owners = {what: owner_of(document.get("tags")) for what, document in documents.items()}
    for what, owner in owners.items():
        if owner not in ("", spec.name):
            hint = f"`gatelift down` with that stack's spec lets go of it, or take its tag `{OWNER_TAG}` away by hand"
            raise Refused(f"the {what} belongs to the stack {owner}", hint=hint, code="not_ours")
    _refuse_what_up_would(spec, found.document)
    tagged = [what for what, owner in owners.items() if not owner]
    for what in tagged:
        document = documents[what]
        tags = {**(document.get("tags") or {}), OWNER_TAG: f"{spec.name}@adopted"}
        cloud.poller.wait(cloud.management.begin_patch(document["id"], {"tags": tags}))
    return tagged


def _refuse_what_up_would(spec: StackSpec, document: Mapping[str, Any]) -> None:
    """An endpoint that the spec cannot change in place would only be in the way of every `up`."""
    live = replace(live_endpoint(document), owner=spec.name)
    change = plan_one(spec.name, Endpoint(spec.endpoint, spec.name), live)
    if change.action is not Action.REPLACE:
        return
    forcing = [field for field in change.diff if field.forces_replace]
    shown = ", ".join(f"{field.path} is {field.before or 'not set'}, not {field.after}" for field in forcing)
    hint = "say in the spec what it has, or give endpoint.name another value"
    if any(ENFORCE in field.path and field.after == "enabled" for field in forcing):
        hint = f"`{ENFORCE}: disabled` takes it as it is; or give endpoint.name another value"
    message = f"the endpoint {change.name} cannot become what the spec says: {shown}, and that cannot change in place"
    raise Refused(message, hint=hint, code="replace_refused")
