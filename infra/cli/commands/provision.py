"""`gatelift plan`, `up` and `down`: the three verbs that change, or would change, what runs."""

import sys
from pathlib import Path

import click

from infra.cli.input.saved_plan import read_plan, write_plan
from infra.cli.input.stack import open_stack
from infra.cli.input.token import ask_for_token, token_fd_option, token_if_given
from infra.cli.terminal.invocation import PATH, Group, Invocation, command, spec_argument
from infra.cli.views.estimates import Estimates
from infra.cli.views.plan import plan_text
from infra.cli.views.progress import progress
from infra.operations import down as down_operation
from infra.operations import plan as plan_operation
from infra.operations import up as up_operation
from infra.operations.down import plan_down
from infra.operations.up import prepare_up
from infra.planning.plan import Action, Plan

app = Group()

CHANGES_PENDING = 2
PLAN_EPILOG = """\b
Symbols: + create, ~ update in place, -/+ replace, - delete, = nothing to do
\b
Examples:
  gatelift plan gatelift.yaml
  gatelift plan gatelift.yaml --out plan.json && gatelift up gatelift.yaml --plan plan.json
  gatelift plan gatelift.yaml --detailed-exitcode     in CI: 0 nothing to do, 2 changes, 1 error
"""
UP_EPILOG = """\b
Examples:
  export HF_TOKEN=…; gatelift up gatelift.yaml --local
  gatelift up gatelift.yaml --yes                      in CI
  gatelift up gatelift.yaml --token-fd 3 3< token-file
"""
DOWN_EPILOG = """\b
Examples:
  gatelift down gatelift.yaml
  gatelift down gatelift.yaml --local --yes
"""


@command(app, name="plan", epilog=PLAN_EPILOG)
@spec_argument
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 0 for no changes, 2 for changes, 1 for an error.")
@click.option("--out", type=PATH, metavar="FILE", help="Save the plan for `up --plan`; it holds no secret.")
@token_fd_option
def plan(call: Invocation, spec: Path, detailed_exitcode: bool, out: Path | None, token_fd: int | None) -> None:
    """Show what would change, and why.

    Reads the live state and compares it with the spec; changes nothing. The token is only compared, by its
    fingerprint: without HF_TOKEN the one that is stored stays.
    """
    token = token_if_given(token_fd, call.environ)
    stack, target = open_stack(call, spec)
    planned = plan_operation.plan(stack, target, token=token)
    show_plan(call, planned)
    if out:
        write_plan(planned, out)
        call.out.hint(f"`gatelift up {spec} --plan {out}{' --local' if call.local else ''}` applies this plan")
    call.out.document(planned.to_json())
    if detailed_exitcode and planned.has_changes:
        raise click.exceptions.Exit(CHANGES_PENDING)


@command(app, name="up", epilog=UP_EPILOG)
@spec_argument
@click.option(
    "--plan",
    "plan_file",
    type=PATH,
    metavar="FILE",
    help="Apply this saved plan; refused if the live state has moved.",
)
@token_fd_option
def up(call: Invocation, spec: Path, plan_file: Path | None, token_fd: int | None) -> None:
    """Plan, apply, wait by phases and smoke-test the endpoint.

    Shows the plan and asks before it changes anything. Without a terminal nothing can be asked: then --yes (or
    --local, where nothing costs money) is the answer. Safe to repeat and safe to interrupt: the next `up` goes on.

    The Hugging Face token of a gated model comes from HF_TOKEN or --token-fd, and is only needed while the workspace
    has none; on a terminal it is asked for.
    """
    token = token_if_given(token_fd, call.environ)
    stack, target = open_stack(call, spec)
    prepared = None
    if plan_file:
        planned = read_plan(plan_file)
    else:
        prepared = prepare_up(stack, target, token=token)
        planned = prepared.plan
    show_plan(call, planned)
    asked = planned.has_changes and call.confirm("Apply this plan?", otherwise="nothing was changed")
    if token is None and makes_connection(planned) and sys.stdin.isatty():
        token, prepared = ask_for_token(), None
    # Nobody agreed to this very plan unless it was saved or asked for: then what moved since is no reason to stop.
    agreed = planned if plan_file or asked else None
    estimates = Estimates(call.environ, stack=stack.name, local=call.local)
    with progress(call.out, estimates.expected) as reporter:
        # What was read before somebody thought about it is read again.
        if prepared is None or asked:
            prepared = prepare_up(stack, target, token=token)
        result = up_operation.up(prepared, target, reporter=reporter, agreed=agreed)
    estimates.keep(result.phases)
    call.out.document(result.to_json())
    call.out.data(f"{call.out.paint('ready', 'green', 'bold')}  {result.connection.base_url}")
    if result.answer:
        call.out.talk(f"it answered: {' '.join(result.answer.split())[:200]}")
    flags = " --local" if call.local else ""
    call.out.hint(f"`gatelift chat {spec}{flags}` talks to it, `gatelift connect {spec}{flags}` shows URL and key")


@command(app, name="down", epilog=DOWN_EPILOG)
@spec_argument
def down(call: Invocation, spec: Path) -> None:
    """Remove what the stack owns, nothing else.

    Shows what goes and asks first; without a terminal --yes (or --local) is the answer. What other stacks or tools
    made stays, and so does the workspace.
    """
    stack, target = open_stack(call, spec)
    planned = plan_down(stack, target)
    show_plan(call, planned)
    if planned.has_changes:
        call.confirm("Remove all of this?", otherwise="nothing was removed")
    with progress(call.out) as reporter:
        changes = down_operation.down(stack, target, reporter=reporter)
    call.out.document({"version": 1, "stack": stack.name, "changes": [change.to_json() for change in changes]})
    if planned.has_changes:
        call.out.data(f"removed {stack.name}")


def makes_connection(planned: Plan) -> bool:
    """Whether the plan creates the connection that holds the token."""
    return any(change.kind == "connection" and change.action is Action.CREATE for change in planned.changes)


def show_plan(call: Invocation, planned: Plan) -> None:
    """The plan for people; programs get it in the command's document."""
    call.out.data(plan_text(planned.to_json(), call.out.paint))
