"""`gatelift status`: shows the state of a stack, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.cli.input.portal import Portal
from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.document import document_text
from infra.operations import status as status_operation
from infra.operations.catalog import catalog_list

app = Group()

EPILOG = """\b
Examples:
  gatelift status gatelift.yaml
  gatelift status gatelift.yaml --local --output json | jq .endpoint
"""
CATALOG_FIELDS = ("name", "version", "visible", "invisible_until")


@command(app, name="status", epilog=EPILOG)
@spec_argument
def status(call: Invocation, spec: Path) -> None:
    """Show the state of the stack.

    Shows the endpoint, its traffic and deployments, the token's connection, the catalog entry, what differs from the
    spec, and warnings. With --local also the processes that run as instances, and how often each was restarted.
    """
    stack, target = open_stack(call, spec)
    document = status_operation.status(stack, target)
    if stack.catalog:
        entries = catalog_list(target, include_hidden=True, as_of=None)
        document["catalog"] = [
            {field: entry[field] for field in CATALOG_FIELDS} for entry in entries if entry["model"] == stack.model.id
        ]
    if call.local:
        document["instances"] = instances(target.portal, stack.endpoint.name)
    document["warnings"] = list(warnings(document))
    call.out.document(document)
    call.out.data(document_text({key: value for key, value in document.items() if key != "warnings"}, call.out.paint))
    for warning in document["warnings"]:
        call.out.warn(warning)


def instances(portal: str, endpoint: str) -> list[dict[str, Any]]:
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
    if not endpoint:
        yield "the endpoint does not exist; `gatelift up` creates it"
        return
    if not endpoint.get("traffic"):
        yield "no deployment gets traffic, so the endpoint answers 404"
    if previous := endpoint.get("previous"):
        yield f"{previous} gets no requests but keeps costing: it is kept for `gatelift rollback`; see `keep_previous`"
    for deployment in document.get("deployments", []):
        if deployment["state"] == "Failed":
            yield f"the deployment {deployment['name']} failed; `gatelift logs` shows why"
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
        yield f"{which} {found}; `gatelift up` corrects it"
