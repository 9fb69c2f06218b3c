"""The Hub token of the environment: trimmed, or refused in a sentence that does not show it."""

import re
from collections.abc import Mapping

from scoring.errors import WeightsMissing

NAMES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # the second is its older name
AROUND = "\ufeff\u200b\0 \t\r\n\v\f\u00a0"  # what editors, shells and secret stores leave around a token
UNFILLED = re.compile(
    r"\$\{?\{?.*\}?\}?|\{\{.*\}\}|%\w+%|<.*>|\[.*\]|x{4,}|hf_(x{3,}|\.{2,}|…|\*{2,}|your\w*)|\w*your[-_]?\w*token\w*|changeme",
    re.IGNORECASE,
)
ASSIGNED = re.compile(r"(\S+\s+)?(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|token)\s*[:=]", re.IGNORECASE)
CHARACTERS = re.compile(r"[A-Za-z0-9._~+/=-]+")  # of bearer tokens: https://www.rfc-editor.org/rfc/rfc6750#section-2.1


def hub_token(environ: Mapping[str, str]) -> str | None:
    """The token without what lies around it, None where there is none; raises `WeightsMissing` for what is no token."""
    held = {name: environ.get(name, "").strip(AROUND).strip() for name in NAMES}
    name, token = next(((name, token) for name, token in held.items() if token), (NAMES[0], ""))
    if fault := _fault_of(token):
        raise WeightsMissing(
            f"what {name} contains is not a token: it {fault}",
            hint="a token is one line, e.g. hf_…; `gatelift token set` writes it anew",
        )
    return token or None


def _fault_of(token: str) -> str:
    if not token:
        return ""
    if token[0] in "{[" and token[-1] in "}]" and '"' in token:
        return "is a whole JSON document, not the token in it"
    if ASSIGNED.match(token):
        return "begins with the name of a variable, which is not part of the token"
    if token[0] in "\"'`" or token[-1] in "\"'`":
        return "has quotation marks around it"
    if UNFILLED.fullmatch(token):
        return "is a placeholder that nobody has filled in"
    if token.split()[0].lower().rstrip(":") in ("bearer", "authorization"):
        return "begins with `Bearer`, which is not part of the token"
    if len(token.split()) > 1:
        return f"is {len(token.split())} words"
    if not CHARACTERS.fullmatch(token):
        return "has characters that no token has, such as those that a copy from a document leaves"
    return ""
