"""`gatelift park`: stops paying for a stack that nobody needs for a while."""

from pathlib import Path
from typing import Any

import click

from infra.cli.input.stack import currency_option, no_lock_option, open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.costs import savings_line
from infra.cli.views.estimates import Estimates, rounded
from infra.cli.views.progress import progress
from infra.operations.capacity import park as operation
from infra.operations.capacity.park import ParkPlan
from infra.planning.costs.saving import saving_words
from infra.resources.scaling.parked import meanwhile
from infra.spec.durations import seconds_in
from infra.spec.names import RuleBroken

app = Group()

NOT_PARKED = 2  # with --detailed-exitcode
EPILOG = """\b
Examples:
  gatelift park gatelift.yaml
  gatelift park gatelift.yaml --yes                  in the evening, by a schedule
  gatelift park gatelift.yaml --after 2h --yes       every hour: parks what nobody has asked for two
"""


class Length(click.ParamType[float]):
    """A duration such as `2h`, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds, or a usage error."""
        if isinstance(value, float):
            return value
        try:
            seconds = seconds_in(str(value))
        except RuleBroken as error:
            self.fail(f"{value!r} {error}, for example `2h`", param, ctx)
        if not 300 <= seconds <= 30 * 86400:
            self.fail(f"{value!r} must be from 5m to 30d", param, ctx)
        return seconds


@command(app, name="park", epilog=EPILOG)
@spec_argument
@click.option(
    "--after", type=Length(), metavar="DURATION", help="Park only if nobody has asked the endpoint for so long: `2h`."
)
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 where --after finds the stack in use and does not park it."
)
@no_lock_option
@currency_option
def park(
    call: Invocation,
    spec: Path,
    after: float | None,
    detailed_exitcode: bool,
    no_lock: bool,
    currency: str | None,
) -> None:
    """Delete the stack's deployments, so that they cost nothing, until `wake`.

    The endpoint with its URL, key and identity stays, and so do the token's connection, the image, the weights and the
    catalog entry. What runs is written down in the workspace: `wake` makes exactly that again, from any machine.
    Meanwhile the endpoint answers 404. Shows what is deleted and asks first; without a terminal in Azure it needs
    --yes. It is safe to repeat and safe to interrupt.

    With --after it looks at the requests that Azure Monitor has counted, and parks only if there was none for so long
    and the deployments have run for as long. Where they cannot be read it parks nothing and exits with 1.
    """
    stack, target = open_stack(call, spec, no_lock=no_lock, currency=currency)
    planned = operation.plan_park(stack, target, after=after)
    if not planned.to_do:
        finish(call, stack.name, planned, detailed_exitcode=detailed_exitcode)
        return
    estimates = Estimates(call.environ, stack=stack.name, local=call.local)
    call.out.message(park_text(planned, wake_words(planned, estimates), local=call.local))
    call.confirm("Park this stack?", otherwise="nothing was parked")
    with progress(call.out) as reporter:
        done = operation.park(stack, target, reporter=reporter, after=after)
    finish(call, stack.name, done, detailed_exitcode=detailed_exitcode)


def park_text(planned: ParkPlan, wake: str, *, local: bool) -> str:
    """What is deleted, what that saves, and how long a wake takes."""
    lines = [
        f"  - deployment {each['name']}: {each['instance_count']} x {each['instance_type']}, "
        f"{each['traffic']} % of the requests"
        for each in planned.to_json()["deployments"]
    ]
    if planned.standing.parked:
        lines.insert(0, f"{planned.standing.parked.words}, but not to the end: these are still there")
    if planned.saves:
        lines.append(savings_line(planned.saves, local=local))
    lines.append(f"a wake takes {wake}; until then {meanwhile(planned.left)}")
    return "\n".join(lines)


def wake_words(planned: ParkPlan, estimates: Estimates) -> str:
    """How long the last wake took, else how long this machine saw the deployment start, else that nobody knows."""
    if planned.wake_seconds is not None:
        return f"{rounded(planned.wake_seconds)}, as the last one did"
    seen = estimates.seen("deployment")
    return f"{rounded(seen)}, as the last start did" if seen is not None else "a time that is unknown yet"


def finish(call: Invocation, stack: str, found: ParkPlan, *, detailed_exitcode: bool) -> None:
    """Say whether the stack is parked, and why; exits with 2 where that was asked for and it is not."""
    document = {"stack": stack, **found.to_json()}
    call.out.document(document)
    if document["parked"]:
        call.out.data(f"parked {stack}{saving_words(found.saves, local=call.local)}")
        call.out.hint("`gatelift wake` brings it back as it was")
        return
    call.out.data(f"not parked: {found.reason}")
    if detailed_exitcode:
        raise click.exceptions.Exit(NOT_PARKED)
