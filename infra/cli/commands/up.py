"""`gatelift up`: makes true what the spec says."""

import sys
from pathlib import Path

import click

from infra.cli.input.saved_plan import read_plan
from infra.cli.input.stack import (
    currency_option,
    no_lock_option,
    open_stack,
    skip_smoke_test_option,
    take_over_option,
    taking_over,
)
from infra.cli.input.token import ask_for_token, token_fd_option, token_if_needed
from infra.cli.terminal.invocation import PATH, Group, Invocation, command, spec_argument
from infra.cli.views.costs import show_cost
from infra.cli.views.estimates import Estimates
from infra.cli.views.plan import show_plan
from infra.cli.views.progress import progress
from infra.errors import SpecError
from infra.operations import up as operation
from infra.planning.costs.forecast import forecast
from infra.planning.plan import Action, Plan
from infra.spec.model import StackSpec

app = Group()

EPILOG = """\b
Examples:
  export HF_TOKEN=…; gatelift up gatelift.yaml --local
  gatelift up gatelift.yaml --yes                      in CI
  gatelift up gatelift.yaml --token-fd 3 3< token-file
  gatelift up gatelift.yaml --skip-smoke-test          from outside a private endpoint's network
"""


@command(app, name="up", epilog=EPILOG)
@spec_argument
@click.option(
    "--plan",
    "plan_file",
    type=PATH,
    metavar="FILE",
    help="Apply this saved plan; refused if the live state has changed since.",
)
@skip_smoke_test_option
@token_fd_option
@no_lock_option
@take_over_option
@currency_option
@click.option("--try-again", is_flag=True, help="Roll out once more what broke a limit and was moved back.")
def up(
    call: Invocation,
    spec: Path,
    plan_file: Path | None,
    skip_smoke_test: bool,
    token_fd: int | None,
    no_lock: bool,
    take_over: bool,
    currency: str | None,
    try_again: bool,
) -> None:
    """Create or update the stack, wait until it is ready, and test the endpoint.

    Shows the plan and asks before it changes anything. Without a terminal it cannot ask, so in Azure it needs --yes;
    with --local, where nothing costs money, it goes ahead. It is safe to repeat and safe to interrupt: the next `up`
    continues where this one stopped.

    The smoke test asks the new deployment one question before the traffic moves to it. An endpoint with
    public_network_access: disabled answers only inside its virtual network: run `up` there, or skip the test.

    With `rollout` in the spec the traffic moves in steps. Each is watched; one that breaks a limit moves everything
    back. The same version is then refused until the spec changes, or --try-again is given.

    The Hugging Face token of a gated model comes from HF_TOKEN or --token-fd. It is only needed while the workspace
    has none; on a terminal `up` asks for it.
    """
    token = token_if_needed(token_fd, call.environ)
    stack, target = taking_over(open_stack(call, spec, absent="make", no_lock=no_lock, currency=currency), take_over)
    if try_again:
        stack = _trying_again(stack)
    saved = read_plan(plan_file) if plan_file else None
    prepared = operation.prepare_up(stack, target, token=token)
    planned = saved or prepared.plan
    cost = forecast(prepared, target.prices)
    show_plan(call.out, planned)
    show_cost(call.out, cost, local=call.local)
    asked = planned.has_changes and call.confirm("Apply this plan?", otherwise="nothing was changed")
    # Only a plan that somebody saved or confirmed has to be applied exactly as it was shown.
    agreed = planned if plan_file or asked else None
    if token is None and creates_connection(planned) and sys.stdin.isatty():
        token, asked = ask_for_token(), True
    estimates = Estimates(call.environ, stack=stack.name, local=call.local)
    with progress(call.out, estimates.expected) as reporter:
        if asked:  # the live state may have changed while the person was thinking
            prepared = operation.prepare_up(stack, target, token=token)
        result = operation.up(prepared, target, reporter=reporter, agreed=agreed, smoke=not skip_smoke_test)
    estimates.keep(result.phases)
    call.out.document({**result.to_json(), "cost": cost.to_json()})
    call.out.data(f"{call.out.paint('ready', 'green', 'bold')}  {result.connection.base_url}")
    if result.answer:
        call.out.message(f"the model answered: {' '.join(result.answer.split())[:200]}")
    flags = " --local" if call.local else ""
    call.out.hint(
        f"`gatelift chat {spec}{flags}` chats with the model, `gatelift connect {spec}{flags}` prints URL and key"
    )


def creates_connection(planned: Plan) -> bool:
    """Whether the plan creates the connection that holds the token."""
    return any(change.kind == "connection" and change.action is Action.CREATE for change in planned.changes)


def _trying_again(stack: StackSpec) -> StackSpec:
    """The spec, whose rollout begins once more though it was moved back."""
    if stack.rollout is None:
        message = "--try-again is for a rollout in steps, and the spec has no `rollout`"
        raise SpecError(message, hint="leave it out: `gatelift up` is safe to repeat", code="no_rollout")
    return stack.but(rollout=stack.rollout.but(try_again=True))
