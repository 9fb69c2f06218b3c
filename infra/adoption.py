"""`adopt`: an endpoint that exists becomes the stack's own, by its tag."""

from infra.cloud import Cloud
from infra.errors import Refused
from infra.resources.base import OWNER_TAG, owner_of
from infra.serving import serving
from infra.spec import StackSpec


def adopt(spec: StackSpec, cloud: Cloud) -> list[str]:
    """Put the stack's tag on the endpoint, and on the spec's deployment if that exists; `kind name` of what got it."""
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
    tagged = [what for what, owner in owners.items() if not owner]
    for what in tagged:
        document = documents[what]
        tags = {**(document.get("tags") or {}), OWNER_TAG: f"{spec.name}@adopted"}
        cloud.wait(cloud.begin_patch(document["id"], {"tags": tags}), lambda: None)
    return tagged
