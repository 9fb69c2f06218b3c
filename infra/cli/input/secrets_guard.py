"""Keeps secrets out of the arguments, which every user of the machine can read."""

import re
from collections.abc import Mapping, Sequence

from infra.errors import GateliftError
from infra.hub.token_form import fault_of

SHORTEST = 8  # characters of what can be a token
TOKEN_ALONE = re.compile(r"(?:^|=)hf_\w+$")
TOKEN_INSIDE = re.compile(r"hf_[A-Za-z0-9]{20,}")


class SecretInArgument(GateliftError):
    """There is a token on the command line."""

    code = "secret_in_argument"


def refuse_secrets(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Raise SecretInArgument if an argument contains a Hugging Face token; the message does not repeat it."""
    known = environ.get("HF_TOKEN", "")
    known = known if len(known) >= SHORTEST and not fault_of(known) else ""  # such as `up` would be in every argument
    for position, argument in enumerate(arguments, start=1):
        if TOKEN_ALONE.search(argument) or TOKEN_INSIDE.search(argument) or (known and known in argument):
            raise SecretInArgument(
                f"argument {position} looks like a Hugging Face token; arguments are visible in the process list and "
                "in the shell's history",
                hint="set HF_TOKEN, pipe the token into `gatelift token set SPEC`, or let the command prompt for it; "
                "if it is a real token, revoke it at https://huggingface.co/settings/tokens",
            )
