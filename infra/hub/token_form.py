"""The form of a Hub token: what is trimmed from it, what cannot be one, and where else one may lie."""

import re
from collections.abc import Mapping
from pathlib import Path

AROUND = "\ufeff\u200b\0 \t\r\n\v\f\u00a0"  # what editors, shells and secret stores leave around a token
ONE_LINE = "a token is one line of letters, digits and underscores, e.g. hf_…"
PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|x{4,}|hf_(x{3,}|\.{2,}|…|\*{2,}|<.*>|your\w*)|\w*your[-_ ]?\w*token\w*|changeme|\*{3,}", re.I
)
UNEXPANDED = re.compile(r"\$\{?\{?\s*[\w.]+\s*\}?\}?|\$\(.*\)|%\w+%|\{\{.*\}\}|\$\w*\(.*\)")
ASSIGNED = re.compile(r"(export\s+|set\s+|\$env:)?(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|token)\s*[:=]", re.IGNORECASE)
NOT_USED = "gatelift uses HF_TOKEN only, so that no login of yours gets into a workspace unasked"


def trimmed(text: str) -> str:
    """The token without a byte order mark, white space and line ends around it."""
    return text.strip(AROUND).strip()


def fault_of(token: str) -> str:
    """What is wrong with the form of a trimmed token, as the end of a sentence that does not show it; else empty."""
    words = token.split()
    if not token:
        return "is empty"
    if token[0] in "\"'`" or token[-1] in "\"'`":
        return "has quotation marks around it"
    if UNEXPANDED.fullmatch(token):
        return "is the name of a variable that nobody has filled in"
    if PLACEHOLDER.fullmatch(token):
        return "is the placeholder of an example"
    if words[0].lower().rstrip(":") in ("bearer", "authorization"):
        return "begins with `Bearer`, which is not part of the token"
    if ASSIGNED.match(token):
        return "begins with the name of a variable, which is not part of the token"
    if len(words) > 1:
        return f"is {len(words)} words"
    if not token.isascii() or not token.isprintable():
        return "has characters that no token has, such as those that a copy from a document leaves"
    return ""


def dirt_of(stored: str) -> str:
    """What lies around a stored token, e.g. `a line end`; empty where nothing does."""
    if stored == trimmed(stored):
        return ""
    if stored.startswith("\ufeff"):
        return "a byte order mark before it"
    return "a line end after it" if stored.rstrip(" \t") != stored.rstrip() else "white space around it"


def other_places(environ: Mapping[str, str]) -> list[str]:
    """Where huggingface_hub would find a token that gatelift does not use: variables and files, never the token."""
    found = ["HUGGING_FACE_HUB_TOKEN"] if environ.get("HUGGING_FACE_HUB_TOKEN", "").strip() else []
    home = environ.get("HOME") or "~"
    cache = environ.get("HF_HOME") or f"{environ.get('XDG_CACHE_HOME') or f'{home}/.cache'}/huggingface"
    for file in (environ.get("HF_TOKEN_PATH") or f"{cache}/token",):
        try:
            if Path(file).expanduser().read_text(errors="replace").strip():
                found.append(file)
        except OSError:
            continue
    return found
