"""`gatelift token …`: the Hugging Face token in its workspace connection."""

from pathlib import Path
from typing import Any

import click

from infra.cli.input.stack import open_stack
from infra.cli.input.token import token_fd_option, token_if_given, token_wanted
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.document import document_text
from infra.cli.views.progress import progress
from infra.errors import GateliftError
from infra.operations.token import token_doubt, token_rotate, token_set, token_verify

EPILOG = """\b
The token is never an argument. It comes, in this order, from --token-fd, standard input, HF_TOKEN, or a hidden prompt.
\b
Examples:
  gatelift token set gatelift.yaml                     asks for it
  pass show hf/read | gatelift token set gatelift.yaml -
  gatelift token verify gatelift.yaml
  HF_TOKEN=… gatelift token rotate gatelift.yaml
"""
app = Group()
token = Group("token", help="The Hugging Face token in its workspace connection.", epilog=EPILOG)
app.add_command(token)

source_argument = click.argument(
    "source", required=False, metavar="[-]", help="`-` reads the token from standard input."
)


@command(token, name="set")
@spec_argument
@source_argument
@token_fd_option
def set_token(call: Invocation, spec: Path, source: str | None, token_fd: int | None) -> None:
    """Write the token into the connection HuggingFaceTokenConnection.

    The endpoint reads it there when a container starts; a running deployment keeps the old one (see `token rotate`).
    A token that the Hub does not know is refused, unless --yes says to write it all the same; one that does not open
    the model yet is written with a warning.
    """
    value = token_wanted(token_fd, source, call.environ)
    stack, target = open_stack(call, spec)
    if doubt := token_doubt(stack, target, value):
        if doubt.code == "token_invalid" and not call.yes:
            hint = f"{doubt.hint}; --yes writes this one all the same"
            raise GateliftError(f"{doubt}, so it was not written", hint=hint, code=doubt.code)
        call.out.warn(f"{doubt}; it is written all the same")
    show(call, token_set(stack, target, value))


@command(token, name="verify")
@spec_argument
@token_fd_option
def verify(call: Invocation, spec: Path, token_fd: int | None) -> None:
    """Ask the Hub and the connection whether the token serves for the spec's model.

    Checks who the token belongs to, what kind it is, whether it opens the model, and whether the connection is there.
    Without HF_TOKEN or --token-fd the stored token is meant, as far as it can be checked.
    """
    value = token_if_given(token_fd, call.environ)
    stack, target = open_stack(call, spec)
    show(call, token_verify(stack, target, value))


@command(token, name="rotate")
@spec_argument
@source_argument
@token_fd_option
def rotate(call: Invocation, spec: Path, source: str | None, token_fd: int | None) -> None:
    """Replace the token and bring it to the running deployment.

    Checks the new token first, so that a bad one never replaces a good one.
    """
    value = token_wanted(token_fd, source, call.environ)
    stack, target = open_stack(call, spec)
    with progress(call.out) as reporter:
        show(call, token_rotate(stack, target, value, reporter=reporter))


def show(call: Invocation, document: dict[str, Any]) -> None:
    """What the engine found, as lines or as the document itself."""
    call.out.document(document)
    call.out.data(document_text(document, call.out.paint))
