"""`gatelift logs`: a container's log, once or as it grows."""

from pathlib import Path

import click

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Integer, Invocation, command, spec_argument
from infra.cli.terminal.style import without_control_characters
from infra.errors import GateliftError
from infra.operations import logs as logs_operation
from infra.operations.logs import follow_logs

app = Group()

EPILOG = """\b
Examples:
  gatelift logs gatelift.yaml
  gatelift logs gatelift.yaml -f --tail 20
  gatelift logs gatelift.yaml --container storage-initializer
"""
# The two containers of a deployment, as Azure ML names them.
CONTAINERS = ("inference-server", "storage-initializer")


@command(app, name="logs", epilog=EPILOG)
@spec_argument
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("--tail", type=Integer(min=1), default=100, metavar="LINES", help="How many of the last lines.")
@click.option(
    "--container",
    type=click.Choice(CONTAINERS),
    default=CONTAINERS[0],
    help="The server itself, or what fetched model and code before it.",
)
def logs(call: Invocation, spec: Path, follow: bool, tail: int, container: str) -> None:
    """Show a container's log, or follow it."""
    if follow and call.out.is_json:
        raise GateliftError("a log that is followed has no end, so it is no JSON document", hint="leave out -f")
    stack, target = open_stack(call, spec)
    if follow:
        for line in follow_logs(stack, target, container=container, tail=tail):
            call.out.data(without_control_characters(line))
        return
    deployment, lines = logs_operation.logs(stack, target, container=container, tail=tail)
    call.out.document({"container": container, "deployment": deployment, "lines": lines})
    if lines:
        call.out.data("\n".join(without_control_characters(line) for line in lines))
