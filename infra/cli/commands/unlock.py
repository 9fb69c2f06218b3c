"""`gatelift unlock`: ends the lock of a command that hangs."""

from pathlib import Path

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.operations import unlock as operation

app = Group()

EPILOG = """\b
Examples:
  gatelift unlock gatelift.yaml
"""


@command(app, name="unlock", epilog=EPILOG)
@spec_argument
def unlock(call: Invocation, spec: Path) -> None:
    """End the lock of a command that hangs, after asking.

    Shows who holds the lock of the stack, on which machine, with which command and since when. This is rarely needed:
    the lock of a command that was killed ends by itself within a minute. A command whose lock is ended stops before its
    next step, and what it has begun in Azure goes on.
    """
    stack, target = open_stack(call, spec)
    locks = operation.find_locks(stack, target)
    for lock in locks:
        call.out.data(
            f"{lock['lock']}: {lock['who']} on {lock['where']}, `gatelift {lock['command']}` since {lock['since']}"
        )
    if locks:
        call.confirm("End this lock?" if len(locks) == 1 else "End these locks?", otherwise="nothing was changed")
        locks = operation.unlock(target, locks)
    call.out.document({"stack": stack.name, "locks": locks})
    call.out.data("unlocked" if locks else f"nobody holds a lock of {stack.name}")
