"""`gatelift wake`: brings back what `park` has deleted."""

from pathlib import Path

from infra.cli.input.stack import no_lock_option, open_stack, skip_smoke_test_option
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.estimates import Estimates, rounded
from infra.cli.views.progress import progress
from infra.operations.capacity import wake as operation

app = Group()

EPILOG = """\b
Examples:
  gatelift wake gatelift.yaml
  gatelift wake gatelift.yaml --yes        in the morning, by a schedule
"""


@command(app, name="wake", epilog=EPILOG)
@spec_argument
@skip_smoke_test_option
@no_lock_option
def wake(call: Invocation, spec: Path, skip_smoke_test: bool, no_lock: bool) -> None:
    """Bring back what `park` has deleted, as it was.

    Makes the deployments again as they ran last (with the instances, engine arguments, variables, probes and autoscale
    settings that they had, whatever the spec says by now), asks each one question and gives it its share of the
    requests back. The quota is checked first: it is not reserved while a stack is parked. A stack that is not parked is
    left as it is. It is safe to repeat and safe to interrupt.
    """
    stack, target = open_stack(call, spec, no_lock=no_lock)
    standing, record = operation.plan_wake(stack, target)
    if record is not None:
        for name, live in sorted(record.lives.items()):
            state = live.state
            call.out.message(
                f"  + deployment {name}: {state['instance_count']} x {state['instance_type']}, "
                f"{record.traffic.get(name, 0)} % of the requests"
            )
        call.confirm(f"Wake this stack, {record.parked.words}?", otherwise="nothing was woken")
    estimates = Estimates(call.environ, stack=stack.name, local=call.local)
    with progress(call.out, estimates.expected) as reporter:
        found = operation.wake(stack, target, reporter=reporter, smoke=not skip_smoke_test)
    estimates.keep(found.phases)
    call.out.document({"stack": stack.name, **found.to_json()})
    if not found.parked_since:
        call.out.data(f"{stack.name} is not parked: {', '.join(sorted(standing.own))} runs")
        return
    call.out.data(f"{call.out.paint('awake', 'green', 'bold')}  {stack.name}, after {rounded(found.seconds)}")
