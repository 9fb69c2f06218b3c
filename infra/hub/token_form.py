"""The form of a Hub token: what is trimmed from it, and what cannot be one."""

import re

AROUND = "\ufeff\u200b\0 \t\r\n\v\f\u00a0"  # what editors, shells and secret stores leave around a token
ONE_LINE = "a token is one line of letters, digits and underscores, e.g. hf_…"
PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|x{4,}|hf_(x{3,}|\.{2,}|…|\*{2,}|<.*>|your\w*)|\w*your[-_ ]?\w*token\w*|changeme|\*{3,}", re.I
)
UNEXPANDED = re.compile(r"\$\{?\{?\s*[\w.]+\s*\}?\}?|\$\(.*\)|%\w+%|\{\{.*\}\}|\$\w*\(.*\)")
ASSIGNED = re.compile(
    r"(export\s+|setx?\s+|-e\s+|\$env:)?(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|token)\s*[:=]", re.IGNORECASE
)
CHARACTERS = re.compile(r"[A-Za-z0-9._~+/=-]+")  # of bearer tokens: https://www.rfc-editor.org/rfc/rfc6750#section-2.1


def trimmed(text: str) -> str:
    """The token without a byte order mark, white space and line ends around it."""
    return text.strip(AROUND).strip()


def fault_of(token: str) -> str:
    """What is wrong with the form of a trimmed token, as the end of a sentence that does not show it; else empty."""
    words, lines = token.split(), token.splitlines()
    if not token:
        return "is empty"
    if token[0] in "{[" and token[-1] in "}]" and '"' in token:
        return "is a whole JSON document, not the token in it"
    if ASSIGNED.match(token):
        return "begins with the name of a variable, which is not part of the token"
    if token[0] in "\"'`" or token[-1] in "\"'`":
        return "has quotation marks around it"
    if UNEXPANDED.fullmatch(token):
        return "is the name of a variable that nobody has filled in"
    if PLACEHOLDER.fullmatch(token):
        return "is the placeholder of an example"
    if words[0].lower().rstrip(":") in ("bearer", "authorization"):
        return "begins with `Bearer`, which is not part of the token"
    if len(words) > 1:
        return f"is {len(lines)} lines" if len(lines) > 1 else f"is {len(words)} words"
    if not CHARACTERS.fullmatch(token):
        return "has characters that no token has, such as those that a copy from a document leaves"
    return ""


def dirt_of(stored: str) -> str:
    """What lies around a stored token, e.g. `a line end`; empty where nothing does."""
    if stored == trimmed(stored):
        return ""
    if stored.startswith("\ufeff"):
        return "a byte order mark before it"
    return "a line end after it" if stored.rstrip(" \t") != stored.rstrip() else "white space around it"
