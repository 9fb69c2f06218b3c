"""`gatelift status`: what is there, what serves, and what is wrong with it."""

from typing import Any

from infra import stacks
from infra.cli.document_view import document_text
from infra.cli.invocation import DEFAULT_SPEC, Invocation, SpecPath, command, new_app
from infra.cli.portal import portal_json
from infra.cli.stack import open_stack

app = new_app()

EPILOG = """\b
Examples:
  gatelift status gatelift.yaml
  gatelift status gatelift.yaml --local --output json | jq .endpoint
"""


@command(app, name="status", epilog=EPILOG)
def status(call: Invocation, spec: SpecPath = DEFAULT_SPEC) -> None:
    """Show the state of the endpoint and what serves it.

    Endpoint, traffic, deployments, the token's connection, the catalog entry, and what differs from the spec. With
    --local also the processes that stand for the instances, and how often each was restarted.
    """
    stack, target = open_stack(call, spec)
    document = stacks.status(stack, target)
    if call.local:
        document["instances"] = instances(target.portal, stack.endpoint.name)
    call.out.document(document)
    call.out.data(document_text(document, call.out.paint))


def instances(portal: str, endpoint: str) -> list[dict[str, Any]]:
    """The processes that stand for the endpoint's instances, as the emulator sees them."""
    found = []
    for instance in portal_json(portal, "instances"):
        of_endpoint, _, deployment = instance["deployment"].partition("/deployments/")
        if of_endpoint.rpartition("/")[2].lower() == endpoint.lower():
            found.append({**instance, "deployment": deployment})
    return found
