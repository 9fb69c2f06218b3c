"""Reads the Hugging Face token: from a file descriptor, standard input, HF_TOKEN or a prompt."""

import getpass
import os
import re
import select
import sys
from collections.abc import Mapping
from typing import Any

import click

from infra.errors import GateliftError
from infra.hub.token_form import ONE_LINE, fault_of, trimmed
from infra.redaction import SEEN

# How long to wait for a token on a pipe if HF_TOKEN is set as well: an inherited pipe may never end.
PIPE_TIMEOUT_S = 2.0


class Descriptor(click.ParamType[int]):
    """The number of an open file; an error does not repeat any other value, since it may be the token itself."""

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
    """There is no token, or what was given cannot be one."""

    code = "token_missing"


def token_if_given(token_fd: int | None, environ: Mapping[str, str]) -> str | None:
    """The token for commands that can do without one: from the descriptor or `HF_TOKEN`, else None."""
    if token_fd is not None:
        return checked(read_descriptor(token_fd), f"file descriptor {token_fd}")
    if trimmed(environ.get("HF_TOKEN", "")):
        return checked(environ["HF_TOKEN"], "HF_TOKEN")
    return None


def token_if_needed(token_fd: int | None, environ: Mapping[str, str]) -> str | None:
    """The token for commands that use it only where the model needs one: what is no token in `HF_TOKEN` is then told.

    It is trimmed, but it may be no token: a public model must not fail by it.
    """
    if token_fd is not None:
        return token_if_given(token_fd, environ)
    SEEN.learn(environ.get("HF_TOKEN", ""))
    return trimmed(environ.get("HF_TOKEN", "")) or None


def token_wanted(token_fd: int | None, source: str | None, environ: Mapping[str, str]) -> str:
    """The token for commands that need one: from the descriptor, standard input, `HF_TOKEN` or a hidden prompt."""
    if source not in (None, "-"):
        raise GateliftError(
            "a token is never an argument: arguments are visible in the process list and in the shell's history",
            hint="pipe it in (`… | gatelift token set SPEC -`), set HF_TOKEN, or let the command prompt for it",
            code="secret_in_argument",
        )
    if token_fd is not None:
        return checked(read_descriptor(token_fd), f"file descriptor {token_fd}")
    if source == "-":
        return checked(_read_stdin(), "standard input")
    if not sys.stdin.isatty() and (piped := read_piped(wait=not environ.get("HF_TOKEN"))):
        return checked(piped, "standard input")
    if given := token_if_given(None, environ):
        return given
    if sys.stdin.isatty():
        return ask_for_token()
    raise TokenMissing(
        "no Hugging Face token: standard input is empty and HF_TOKEN is not set",
        hint="create a read token at https://huggingface.co/settings/tokens, then pipe it in or set HF_TOKEN",
    )


def ask_for_token() -> str:
    """Prompt for the token; what is typed is not shown."""
    return checked(getpass.getpass("Hugging Face token (not shown): "), "the prompt")


def read_descriptor(number: int) -> str:
    """Read an open file descriptor to its end."""
    try:
        with os.fdopen(number, encoding="utf-8", closefd=number > 2) as stream:
            return stream.read()
    except (OSError, ValueError) as error:
        raise TokenMissing(
            f"file descriptor {number} cannot be read: {error}",
            hint="the shell opens it for the command: `gatelift token set SPEC --token-fd 3 3< token-file`",
        ) from None


def read_piped(*, wait: bool) -> str:
    """Read standard input to its end; without `wait` return nothing if no data comes within `PIPE_TIMEOUT_S`."""
    try:
        if not wait and not select.select([sys.stdin], [], [], PIPE_TIMEOUT_S)[0]:
            return ""
    except (OSError, ValueError):  # not a stream that select can wait for, so reading it does not block either
        pass
    return _read_stdin().strip()


def _read_stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise TokenMissing("standard input is not text in UTF-8", hint=ONE_LINE) from None


def checked(text: str, source: str) -> str:
    """The token without what lies around it; TokenMissing, which does not repeat it, if it cannot be a token."""
    SEEN.learn(text)
    token = trimmed(text)
    if not token:
        raise TokenMissing(f"{source} contains no token", hint="a token is one line, e.g. hf_…")
    if fault := fault_of(token):
        message = f"what {source} contains is not a token: it {fault} ({len(token)} characters)"
        raise TokenMissing(message, hint=ONE_LINE, code="token_form")
    return token
