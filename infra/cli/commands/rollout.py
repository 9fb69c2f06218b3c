"""`gatelift rollback` and `adopt`: what serves, and whose it is."""

from pathlib import Path

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.plan import plan_text
from infra.cli.views.progress import progress
from infra.operations import adopt as adopt_operation
from infra.operations import rollback as rollback_operation
from infra.operations.plan import plan

app = Group()

ROLLBACK_EPILOG = """\b
Examples:
  gatelift rollback gatelift.yaml
  gatelift rollback gatelift.yaml --local --yes
"""
ADOPT_EPILOG = """\b
Examples:
  gatelift adopt gatelift.yaml && gatelift up gatelift.yaml
"""


@command(app, name="rollback", epilog=ROLLBACK_EPILOG)
@spec_argument
def rollback(call: Invocation, spec: Path) -> None:
    """Give the requests back to the deployment that served before.

    When another instance_type or deployment.name took over, the deployment before it stayed at 0 %. It is asked one
    question and then gets the requests again; the other one stays, so a second `rollback` goes forward. The spec does
    not change: the next `up` does what it says.
    """
    stack, target = open_stack(call, spec)
    call.confirm("Move the requests back?", otherwise="nothing was changed")
    with progress(call.out) as reporter:
        found = rollback_operation.rollback(stack, target, reporter=reporter)
    call.out.document(found)
    call.out.data(f"{found['deployment']} serves again, {found['previous'] or 'nothing'} stays at 0 %")
    call.out.hint("`gatelift up` does what the spec says: change the spec back, too, if this is to stay")


@command(app, name="adopt", epilog=ADOPT_EPILOG)
@spec_argument
def adopt(call: Invocation, spec: Path) -> None:
    """Take over an endpoint that exists.

    Puts the stack's tag on the spec's endpoint, and on its deployment of the spec's name if there is one; other
    deployments stay whose they are. Then shows what `up` would change. Whatever carries the tag of another stack is
    refused, and so is an endpoint that the spec cannot change in place.
    """
    stack, target = open_stack(call, spec)
    call.confirm(f"Make {stack.endpoint.name} a part of the stack {stack.name}?", otherwise="nothing was changed")
    adopted = adopt_operation.adopt(stack, target)
    planned = plan(stack, target, token=None)
    call.out.document({**planned.to_json(), "adopted": adopted})
    call.out.data(f"adopted: {', '.join(adopted) or 'nothing new'}\n")
    call.out.data(plan_text(planned.to_json(), call.out.paint))
