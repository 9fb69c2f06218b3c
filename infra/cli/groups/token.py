"""`gatelift token …`: manages the Hugging Face token in its workspace connection."""

from pathlib import Path
from typing import Any

import click

from infra.cli.input.stack import no_lock_option, open_stack, take_over_option, taking_over
from infra.cli.input.token import token_fd_option, token_if_given, token_wanted
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.document import document_text
from infra.cli.views.progress import progress
from infra.errors import GateliftError
from infra.hub.token_places import tokens_elsewhere
from infra.operations.token import token_doubt, token_rotate, token_set, token_verify

EPILOG = """\b
The token is never an argument. It is read from --token-fd, standard input, HF_TOKEN or a hidden prompt, in this order.
\b
Examples:
  gatelift token set gatelift.yaml                     prompts for it
  pass show hf/read | gatelift token set gatelift.yaml -
  gatelift token verify gatelift.yaml
  HF_TOKEN=… gatelift token rotate gatelift.yaml
"""
app = Group()
token = Group("token", help="Manage the Hugging Face token in its workspace connection.", epilog=EPILOG)
app.add_command(token)

source_argument = click.argument(
    "source", required=False, metavar="[-]", help="`-` reads the token from standard input."
)


@command(token, name="set")
@spec_argument
@source_argument
@token_fd_option
@click.option("--force", is_flag=True, help="Write the token even if the Hub rejects it.")
@take_over_option
def set_token(
    call: Invocation, spec: Path, source: str | None, token_fd: int | None, force: bool, take_over: bool
) -> None:
    """Write the token into the connection HuggingFaceTokenConnection, or the one that the spec names.

    The endpoint reads the token from there when a container starts; a running deployment keeps the old one (see `token
    rotate`). A token that the Hub rejects is not written, unless --force is given. A valid token without access to the
    model is written with a warning.
    """
    value = token_wanted(token_fd, source, call.environ)
    stack, target = taking_over(open_stack(call, spec), take_over)
    doubt = token_doubt(stack, target, value)
    if doubt and doubt.code == "token_invalid" and not force:
        hint = f"{doubt.hint}; --force writes this one anyway"
        raise GateliftError(f"{doubt}, so it was not written", hint=hint, code=doubt.code)
    written = token_set(stack, target, value)
    if doubt:
        call.out.warn(f"{doubt}; it is written anyway")
    show(call, written)


@command(token, name="verify")
@spec_argument
@token_fd_option
def verify(call: Invocation, spec: Path, token_fd: int | None) -> None:
    """Check that the token is valid and gives access to the spec's model.

    Shows whose token it is and of what kind, whether it gives access to the model, and whether the connection exists
    and holds it. Without HF_TOKEN or --token-fd it checks the stored token, if you are allowed to read it.
    """
    value = token_if_given(token_fd, call.environ)
    stack, target = open_stack(call, spec)
    show(call, token_verify(stack, target, value))
    if value is None and (elsewhere := tokens_elsewhere(call.environ)):
        call.out.hint(elsewhere)


@command(token, name="rotate")
@spec_argument
@source_argument
@token_fd_option
@no_lock_option
@take_over_option
def rotate(
    call: Invocation, spec: Path, source: str | None, token_fd: int | None, no_lock: bool, take_over: bool
) -> None:
    """Replace the token and restart the containers of the stack's deployments with it.

    Checks the new token first, so that a bad one never replaces a good one. Restarts every deployment of the stack that
    reads the token, the oldest last, and none of others: it names those, which keep the old token until they restart.
    """
    value = token_wanted(token_fd, source, call.environ)
    stack, target = taking_over(open_stack(call, spec, no_lock=no_lock), take_over)
    with progress(call.out) as reporter:
        show(call, token_rotate(stack, target, value, reporter=reporter))


def show(call: Invocation, document: dict[str, Any]) -> None:
    """Print the result, as lines or as the JSON object."""
    call.out.document(document)
    call.out.data(document_text(document, call.out.paint))
