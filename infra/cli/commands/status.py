"""`gatelift status`: shows the state of a stack, and what is wrong with it."""

from pathlib import Path

from infra.cli.input.stack import currency_option, open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.costs import savings_line, with_costs
from infra.cli.views.document import document_text
from infra.operations import status as operation

app = Group()

EPILOG = """\b
Examples:
  gatelift status gatelift.yaml
  gatelift status gatelift.yaml --local --output json | jq .endpoint
"""


@command(app, name="status", epilog=EPILOG)
@spec_argument
@currency_option
def status(call: Invocation, spec: Path, currency: str | None) -> None:
    """Show the state of the stack.

    Shows the endpoint, its traffic and deployments, what these cost and about what they have cost, the token's
    connection, the catalog entry, what differs from the spec, and warnings. With --local also the processes that run as
    instances, and how often each was restarted. A parked stack is said to be so, since when, and what that saves.
    """
    stack, target = open_stack(call, spec, currency=currency)
    document = operation.status(stack, target)
    call.out.document(document)
    shown = with_costs({key: value for key, value in document.items() if key != "warnings"}, local=call.local)
    if parked := document["parked"]:
        sizes = ", ".join(f"{count} x {name}" for name, count in parked["instances"].items())
        saves = savings_line(parked["saves"], local=call.local) if parked["saves"] else ""
        shown["parked"] = {"since": parked["since"], "what": sizes, "saves": saves}
    call.out.data(document_text(shown, call.out.paint))
    for warning in document["warnings"]:
        call.out.warn(warning)
