"""`gatelift plan`: what `up` would change, and why."""

from pathlib import Path

import click

from infra.cli.input.saved_plan import write_plan
from infra.cli.input.stack import currency_option, open_stack, take_over_option, taking_over
from infra.cli.input.token import token_fd_option, token_if_needed
from infra.cli.terminal.invocation import PATH, Group, Invocation, command, spec_argument
from infra.cli.views.costs import show_cost
from infra.cli.views.plan import show_plan
from infra.operations import plan as operation

app = Group()

CHANGES_PENDING = 2
EPILOG = """\b
Symbols: + create, ~ update in place, -/+ replace, - delete, = no change
\b
Examples:
  gatelift plan gatelift.yaml
  gatelift plan gatelift.yaml --out plan.json && gatelift up gatelift.yaml --plan plan.json
  gatelift plan gatelift.yaml --detailed-exitcode     in CI: 0 no changes, 2 changes, 1 error
"""


@command(app, name="plan", epilog=EPILOG)
@spec_argument
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 0 for no changes, 2 for changes, 1 for an error.")
@click.option("--out", type=PATH, metavar="FILE", help="Save the plan for `up --plan`; it contains no secret.")
@token_fd_option
@take_over_option
@currency_option
def plan(
    call: Invocation,
    spec: Path,
    detailed_exitcode: bool,
    out: Path | None,
    token_fd: int | None,
    take_over: bool,
    currency: str | None,
) -> None:
    """Show what `up` would change, and why.

    Reads the live state and compares it with the spec; changes nothing. Shows what that costs, too, at Azure's list
    prices: from its public API or, where that cannot be reached, from a dated table. The token is compared by its
    fingerprint only: without HF_TOKEN or --token-fd the stored token is kept.
    """
    token = token_if_needed(token_fd, call.environ)
    stack, target = taking_over(open_stack(call, spec, absent="allow", currency=currency), take_over)
    planned, cost = operation.priced_plan(stack, target, token=token)
    show_plan(call.out, planned)
    show_cost(call.out, cost, local=call.local)
    if target.workspace.absent:
        call.out.message(f"`gatelift up {spec} --local` makes the workspace {target.workspace.name}, too")
    if out:
        write_plan(planned, out)
        call.out.hint(f"`gatelift up {spec} --plan {out}{' --local' if call.local else ''}` applies this plan")
    call.out.document({**planned.to_json(), "cost": cost.to_json()})
    if detailed_exitcode and planned.has_changes:
        raise click.exceptions.Exit(CHANGES_PENDING)
