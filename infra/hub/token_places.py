"""Where a Hub token lies that gatelift does not use, and how to have it used."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from infra.hub.token_form import trimmed

OLD_VARIABLE = "HUGGING_FACE_HUB_TOKEN"
NOT_USED = "gatelift uses HF_TOKEN only, so that no login of yours gets into a workspace unasked"
NEEDY = ("token_missing", "connection_without_key", "repository_not_found")
"""Codes of the errors that a token may mend."""


def tokens_elsewhere(environ: Mapping[str, str]) -> str:
    """Where huggingface_hub would find a token that gatelift does not use, and the command that has it used.

    Empty where there is none, and where `HF_TOKEN` is set. The token itself is never shown.
    """
    if trimmed(environ.get("HF_TOKEN", "")):
        return ""
    found = []
    if trimmed(environ.get(OLD_VARIABLE, "")):
        found.append(f"{OLD_VARIABLE} holds a token: `export HF_TOKEN=${OLD_VARIABLE}` uses it")
    if (file := login_file(environ)) is not None:
        found.append(f"`hf auth login` has stored a token in {file}: {_command(file)} uses it")
    return f"{'; '.join(found)} ({NOT_USED})" if found else ""


def login_file(environ: Mapping[str, str]) -> Path | None:
    """The file in which `hf auth login` has stored a token; None where there is none."""
    home = environ.get("HOME") or "~"
    cache = environ.get("HF_HOME") or f"{environ.get('XDG_CACHE_HOME') or f'{home}/.cache'}/huggingface"
    file = Path(environ.get("HF_TOKEN_PATH") or f"{cache}/token").expanduser()
    try:
        return file if trimmed(file.read_text(errors="replace")) else None
    except OSError:
        return None


def _command(file: Path) -> str:
    return f"`export HF_TOKEN=$(cat {shlex.quote(str(file))})`"
