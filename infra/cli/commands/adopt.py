"""`gatelift adopt`: makes an existing endpoint part of the stack."""

from pathlib import Path

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.plan import show_plan
from infra.operations import adopt as operation
from infra.operations.plan import plan

app = Group()

EPILOG = """\b
Examples:
  gatelift adopt gatelift.yaml && gatelift up gatelift.yaml
"""


@command(app, name="adopt", epilog=EPILOG)
@spec_argument
def adopt(call: Invocation, spec: Path) -> None:
    """Make an existing endpoint part of the stack.

    Tags the endpoint that the spec names as the stack's own, its deployment of the spec's name if there is one, and
    deployments of the spec's model that lost their tags; other deployments are left alone. It is the way back after
    somebody has written them without their tags. Then shows what `up` would change. An endpoint or a deployment that
    belongs to another stack is refused, and so is an endpoint that `up` could not change in place.
    """
    stack, target = open_stack(call, spec)
    call.confirm(f"Make {stack.endpoint.name} part of the stack {stack.name}?", otherwise="nothing was changed")
    adopted = operation.adopt(stack, target)
    planned = plan(stack, target, token=None)
    call.out.document({**planned.to_json(), "adopted": adopted})
    call.out.data(f"adopted: {', '.join(adopted) or 'nothing new'}\n")
    show_plan(call.out, planned)
