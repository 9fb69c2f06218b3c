"""`gatelift logs`: prints a container's log, once or continuously."""

from pathlib import Path

import click

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Integer, Invocation, command, spec_argument
from infra.cli.terminal.style import without_control_characters
from infra.operations import logs as operation

app = Group()

EPILOG = """\b
Examples:
  gatelift logs gatelift.yaml
  gatelift logs gatelift.yaml -f --tail 20
  gatelift logs gatelift.yaml --container storage-initializer
"""
# The two containers of a deployment, as Azure ML names them.


@command(app, name="logs", epilog=EPILOG)
@spec_argument
@click.option("--follow", "-f", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@click.option(
    "--tail", type=Integer(min=1), default=100, metavar="LINES", help="Start with this many of the last lines."
)
@click.option(
    "--container",
    type=click.Choice(list(operation.CONTAINERS)),
    default=next(iter(operation.CONTAINERS)),
    help="The scoring server, or what downloads model and code before it starts.",
)
def logs(call: Invocation, spec: Path, follow: bool, tail: int, container: str) -> None:
    """Show a container's log, or follow it.

    With --follow and --output json it prints one JSON object for each line of the log, in one line: {"version": 1,
    "container": …, "line": …}. When it is stopped or fails, the last object has `error` instead.
    """
    stack, target = open_stack(call, spec)
    if follow:
        for line in operation.follow_logs(stack, target, container=container, tail=tail):
            call.out.document({"container": container, "line": line})
            call.out.data(without_control_characters(line))
        return
    deployment, lines = operation.logs(stack, target, container=container, tail=tail)
    call.out.document({"container": container, "deployment": deployment, "lines": lines})
    if lines:
        call.out.data("\n".join(without_control_characters(line) for line in lines))
