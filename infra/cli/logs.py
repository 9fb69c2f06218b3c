"""`gatelift logs`: a container's log, once or as it grows."""

from enum import StrEnum
from typing import Annotated

import typer

from infra import stacks
from infra.cli.invocation import DEFAULT_SPEC, Invocation, SpecPath, command, new_app
from infra.cli.stack import open_stack
from infra.cli.style import without_control_characters
from infra.errors import GateliftError

app = new_app()

EPILOG = """\b
Examples:
  gatelift logs gatelift.yaml
  gatelift logs gatelift.yaml -f --tail 20
  gatelift logs gatelift.yaml --container storage-initializer
"""


class Container(StrEnum):
    """The two containers of a deployment, as Azure ML names them."""

    INFERENCE_SERVER = "inference-server"
    STORAGE_INITIALIZER = "storage-initializer"


@command(app, name="logs", epilog=EPILOG)
def logs(
    call: Invocation,
    spec: SpecPath = DEFAULT_SPEC,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    tail: Annotated[int, typer.Option(min=1, metavar="LINES", help="How many of the last lines.")] = 100,
    container: Annotated[
        Container, typer.Option(help="The server itself, or what fetched model and code before it.")
    ] = Container.INFERENCE_SERVER,
) -> None:
    """Show a container's log, or follow it."""
    if follow and call.out.is_json:
        raise GateliftError("a log that is followed has no end, so it is no JSON document", hint="leave out -f")
    stack, target = open_stack(call, spec)
    if follow:
        for line in stacks.follow_logs(stack, target, container=container, tail=tail):
            call.out.data(without_control_characters(line))
        return
    deployment, lines = stacks.logs(stack, target, container=container, tail=tail)
    call.out.document({"container": str(container), "deployment": deployment, "lines": lines})
    if lines:
        call.out.data("\n".join(without_control_characters(line) for line in lines))
