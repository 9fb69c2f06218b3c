"""`gatelift token …`: the Hugging Face token in its workspace connection."""

from typing import Annotated, Any

import typer

from infra import stacks
from infra.cli.document_view import document_text
from infra.cli.invocation import DEFAULT_SPEC, Invocation, SpecPath, command, group, new_app
from infra.cli.progress import progress
from infra.cli.secret_input import TokenFd, token_if_given, token_wanted
from infra.cli.stack import open_stack
from infra.errors import GateliftError

EPILOG = """\b
The token is never an argument. It comes, in this order, from --token-fd, standard input, HF_TOKEN, or a hidden prompt.
\b
Examples:
  gatelift token set gatelift.yaml                     asks for it
  pass show hf/read | gatelift token set gatelift.yaml -
  gatelift token verify gatelift.yaml
  HF_TOKEN=… gatelift token rotate gatelift.yaml
"""
app = new_app()
token = group("token", "The Hugging Face token in its workspace connection.", app, epilog=EPILOG)

Source = Annotated[
    str | None, typer.Argument(metavar="-", help="`-` reads the token from standard input.", show_default=False)
]


@command(token, name="set")
def set_token(call: Invocation, spec: SpecPath = DEFAULT_SPEC, source: Source = None, token_fd: TokenFd = None) -> None:
    """Write the token into the connection HuggingFaceTokenConnection.

    The endpoint reads it there when a container starts; a running deployment keeps the old one (see `token rotate`).
    A token that the Hub does not know is refused, unless --yes says to write it all the same; one that does not open
    the model yet is written with a warning.
    """
    value = token_wanted(token_fd, source, call.environ)
    stack, target = open_stack(call, spec)
    if doubt := stacks.token_doubt(stack, target, value):
        if doubt.code == "token_invalid" and not call.yes:
            hint = f"{doubt.hint}; --yes writes this one all the same"
            raise GateliftError(f"{doubt}, so it was not written", hint=hint, code=doubt.code)
        call.out.warn(f"{doubt}; it is written all the same")
    show(call, stacks.token_set(stack, target, value))


@command(token, name="verify")
def verify(call: Invocation, spec: SpecPath = DEFAULT_SPEC, token_fd: TokenFd = None) -> None:
    """Ask the Hub and the connection whether the token serves for the spec's model.

    Checks who the token belongs to, what kind it is, whether it opens the model, and whether the connection is there.
    Without HF_TOKEN or --token-fd the stored token is meant, as far as it can be checked.
    """
    value = token_if_given(token_fd, call.environ)
    stack, target = open_stack(call, spec)
    show(call, stacks.token_verify(stack, target, value))


@command(token, name="rotate")
def rotate(call: Invocation, spec: SpecPath = DEFAULT_SPEC, source: Source = None, token_fd: TokenFd = None) -> None:
    """Replace the token and bring it to the running deployment.

    Checks the new token first, so that a bad one never replaces a good one.
    """
    value = token_wanted(token_fd, source, call.environ)
    stack, target = open_stack(call, spec)
    with progress(call.out) as reporter:
        show(call, stacks.token_rotate(stack, target, value, reporter=reporter))


def show(call: Invocation, document: dict[str, Any]) -> None:
    """What the engine found, as lines or as the document itself."""
    call.out.document(document)
    call.out.data(document_text(document, call.out.paint))
