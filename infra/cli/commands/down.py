"""`gatelift down`: removes what the stack owns."""

from pathlib import Path

import click

from infra.cli.input.stack import currency_option, no_lock_option, open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.costs import savings_line
from infra.cli.views.plan import show_plan
from infra.cli.views.progress import progress
from infra.operations import down as operation
from infra.planning.untagged import is_untagged

app = Group()

EPILOG = """\b
Examples:
  gatelift down gatelift.yaml
  gatelift down gatelift.yaml --local --yes
  gatelift down gatelift.yaml --weights
"""


@command(app, name="down", epilog=EPILOG)
@spec_argument
@click.option(
    "--weights", is_flag=True, help="Remove its uploaded and mirrored weights, too, unless another stack uses them."
)
@no_lock_option
@currency_option
def down(call: Invocation, spec: Path, weights: bool, no_lock: bool, currency: str | None) -> None:
    """Remove what the stack owns, and nothing else.

    Shows what will be removed and what that saves, and asks first. Without a terminal it cannot ask, so in Azure it
    needs --yes; with --local it goes ahead. What other stacks or tools have made stays, and so do the workspace and the
    stack's own weights in it, which took long to bring; what stays is named, with the reason. Exits with 1 where
    something that lost its tags is still there: `adopt` takes it back.
    """
    stack, target = open_stack(call, spec, no_lock=no_lock, currency=currency)
    planned = operation.plan_down(stack, target, weights=weights)
    show_plan(call.out, planned)
    saves = operation.plan_savings(stack, target)
    if saves:
        call.out.data(savings_line(saves, local=call.local))
    if planned.has_changes:
        call.confirm("Remove all of this?", otherwise="nothing was removed")
    with progress(call.out) as reporter:
        changes = operation.down(stack, target, reporter=reporter, weights=weights)
    call.out.document({"stack": stack.name, "changes": [change.to_json() for change in changes], "saves": saves})
    if planned.has_changes:
        call.out.data(f"removed {stack.name}")
    if standing := [change for change in changes if is_untagged(change)]:
        call.out.warn(f"still there: {'; '.join(f'{each.kind} {each.name}: {each.reason}' for each in standing)}")
        raise click.exceptions.Exit(1)
