"""`gatelift rollback`: sends the requests back to the previous deployment."""

from pathlib import Path

from infra.cli.input.stack import no_lock_option, open_stack, skip_smoke_test_option
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.progress import progress
from infra.operations import rollback as operation

app = Group()

EPILOG = """\b
Examples:
  gatelift rollback gatelift.yaml
  gatelift rollback gatelift.yaml --local --yes
"""


@command(app, name="rollback", epilog=EPILOG)
@spec_argument
@skip_smoke_test_option
@no_lock_option
def rollback(call: Invocation, spec: Path, skip_smoke_test: bool, no_lock: bool) -> None:
    """Send the requests back to the previous deployment.

    When `up` replaces a deployment because instance_type or deployment.name has changed, it keeps the previous one
    with 0 % of the traffic. `rollback` tests that one with one question and then moves the traffic to it. The other
    one is kept as well, so a second `rollback` undoes the first. The spec does not change: the next `up` does what it
    says.
    """
    stack, target = open_stack(call, spec, no_lock=no_lock)
    call.confirm("Move the requests back?", otherwise="nothing was changed")
    with progress(call.out) as reporter:
        found = operation.rollback(stack, target, reporter=reporter, smoke=not skip_smoke_test)
    call.out.document(found)
    call.out.data(f"{found['deployment']} gets the requests again, {found['previous'] or 'nothing'} is kept at 0 %")
    call.out.hint("the next `gatelift up` does what the spec says: change the spec as well to make this permanent")
