"""Reads the Hugging Face token from where a secret may come from: a descriptor, standard input, HF_TOKEN, a prompt."""

import getpass
import os
import re
import select
import sys
from collections.abc import Mapping
from typing import Any

import click

from infra.errors import GateliftError

# How long a pipe may take to deliver the token when HF_TOKEN could serve instead: an inherited pipe never ends.
PIPE_PATIENCE_S = 2.0


class Descriptor(click.ParamType[int]):
    """The number of an open file; anything else is not repeated, since it may be the token itself."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error."""
        if not re.fullmatch("[0-9]{1,7}", str(value)):
            self.fail("this is not the number of a file descriptor; a token is never an argument", param, ctx)
        return int(value)


token_fd_option = click.option(
    "--token-fd", type=Descriptor(), metavar="N", help="Read the Hugging Face token from this open file descriptor."
)


class TokenMissing(GateliftError):
    """No token came, or nothing that can be one."""

    code = "token_missing"


def token_if_given(token_fd: int | None, environ: Mapping[str, str]) -> str | None:
    """The token for commands that may do without one: from the descriptor, else from `HF_TOKEN`."""
    if token_fd is not None:
        return checked(read_descriptor(token_fd), f"file descriptor {token_fd}")
    if environ.get("HF_TOKEN", "").strip():
        return checked(environ["HF_TOKEN"], "HF_TOKEN")
    return None


def token_wanted(token_fd: int | None, source: str | None, environ: Mapping[str, str]) -> str:
    """The token for commands that are about it: descriptor, standard input, `HF_TOKEN`, or a hidden prompt."""
    if source not in (None, "-"):
        raise GateliftError(
            "a token is never an argument: arguments show in the process list and in the shell's history",
            hint="pipe it in (`… | gatelift token set SPEC -`), set HF_TOKEN, or let the command ask for it",
            code="secret_in_argument",
        )
    if token_fd is not None:
        return checked(read_descriptor(token_fd), f"file descriptor {token_fd}")
    if source == "-":
        return checked(sys.stdin.read(), "standard input")
    if not sys.stdin.isatty() and (piped := read_piped(patient=not environ.get("HF_TOKEN"))):
        return checked(piped, "standard input")
    if given := token_if_given(None, environ):
        return given
    if sys.stdin.isatty():
        return ask_for_token()
    raise TokenMissing(
        "no Hugging Face token: standard input is empty and HF_TOKEN is not set",
        hint="make a read token at https://huggingface.co/settings/tokens, then pipe it in or set HF_TOKEN",
    )


def ask_for_token() -> str:
    """The token that a person types; it is not shown."""
    return checked(getpass.getpass("Hugging Face token (not shown): "), "the prompt")


def read_descriptor(number: int) -> str:
    """Everything that comes from an open descriptor."""
    try:
        with os.fdopen(number, encoding="utf-8", closefd=number > 2) as stream:
            return stream.read()
    except (OSError, ValueError) as error:
        raise TokenMissing(
            f"file descriptor {number} cannot be read: {error}",
            hint="open it for the command, e.g. `gatelift token set SPEC --token-fd 3 3< token-file`",
        ) from None


def read_piped(*, patient: bool) -> str:
    """What standard input holds; if not patient, nothing when it stays silent."""
    try:
        if not patient and not select.select([sys.stdin], [], [], PIPE_PATIENCE_S)[0]:
            return ""
    except (OSError, ValueError):  # not a stream that can be waited for, so it does not block either
        pass
    return sys.stdin.read().strip()


def checked(text: str, source: str) -> str:
    """The token without white space around it; a TokenMissing that does not repeat it if it cannot be one."""
    token = text.strip()
    if not token:
        raise TokenMissing(f"{source} holds no token", hint="a token is one line, e.g. hf_…")
    if not token.isascii() or not token.isprintable() or any(char.isspace() for char in token):
        words = len(token.split())
        raise TokenMissing(
            f"what {source} holds is not a token: {words} word{'s' * (words != 1)}, {len(token)} characters",
            hint="a token is one line of letters, digits and underscores, e.g. hf_…",
        )
    return token
