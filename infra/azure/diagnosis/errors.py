"""Reads error bodies of Azure, and adds cause and hint from the table."""

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.diagnosis.cause import Diagnosis
from infra.azure.diagnosis.table import CLUES, KNOWN, TSG
from infra.redaction import redact_quoted

GENERAL_CODES = ("", "BadArgument", "BadRequest", "UserError", "InternalServerError")
WRAPPERS = "InferencingClient"  # codes that begin so wrap another error


class Explanation(Struct, frozen=True):
    """The explanation of a code: its known causes, each with a hint."""

    code: str
    causes: tuple[Diagnosis, ...]


def explain(code: str) -> Explanation | None:
    """The explanation of a code, whatever its case, or of the text of an error; None where gatelift knows neither."""
    found = next((known for known in KNOWN if known.lower() == code.strip().lower()), None)
    return Explanation(found, KNOWN[found]) if found else _explain_text(code)


def _explain_text(text: str) -> Explanation | None:
    """The explanation of an error's text, or of its whole JSON; of several causes the one that the text speaks of."""
    error = read_error(text)
    if error.code not in KNOWN:
        words = set(re.findall(r"\w+", text.lower()))
        named = next((code for code in sorted(KNOWN, key=len, reverse=True) if code.lower() in words), "")
        clue = next((code for said, code in CLUES if said.lower() in text.lower()), "")
        error = AzureError(clue if clue and _is_general(named) else named, text)
    cause = error.diagnosis
    return Explanation(error.code, (cause,)) if cause else None


def _is_general(code: str) -> bool:
    return code in GENERAL_CODES or code.startswith(WRAPPERS)


def known_codes() -> list[str]:
    """Every code that gatelift can explain, sorted."""
    return sorted(KNOWN)


class AzureError(Struct, frozen=True):
    """An error of Azure: the most specific code of its body, and all its messages in one text."""

    code: str
    message: str

    @property
    def cause(self) -> str:
        """Why it happened; empty where that is not known."""
        return self.diagnosis.cause if self.diagnosis else ""

    @property
    def hint(self) -> str:
        """What to do; for an unknown code, where to read about it."""
        if self.diagnosis:
            return self.diagnosis.hint
        return f"gatelift does not know the code {self.code}; Azure's list: {TSG}" if self.code else ""

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The known cause; None where there is none."""
        return diagnosis(self.code, self.message)


def diagnosis(code: str, text: str) -> Diagnosis | None:
    """The cause that the words of a text tell, a message's or a log's; None where the code is not known."""
    text = text.lower()
    causes = KNOWN.get(code, ())
    return next((one for one in causes if not one.words or any(word in text for word in one.words)), None)


def container_cause(log: str) -> Diagnosis | None:
    """The cause that the log of a container tells by its words, whatever code Azure gave; None where it tells none."""
    found = diagnosis("ResourceNotReady", log)
    return found if found and found.words else None


def read_error(body: Mapping[str, Any] | str | None, *, fallback: str = "the service gave no reason") -> AzureError:
    """Read Azure's `{"error": {"code", "message", "details"}}`, where the real reason may be nested in the details."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return AzureError("", redact_quoted(body[:8000])[:2000] if isinstance(body, str) and body else fallback)
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return AzureError("", fallback)
    codes, messages = _walk(error)
    text = redact_quoted(" ".join(messages))
    known = next((code for code in reversed(codes) if code in KNOWN), "")
    clue = next((code for words, code in CLUES if words in text), "")
    chosen = clue if _is_general(known) and clue else known
    return AzureError(chosen or (codes[0] if codes else ""), text or fallback)


def _walk(error: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    codes = [str(error["code"])] if error.get("code") else []
    messages = [_unpacked(str(error["message"]))] if error.get("message") else []
    for detail in error.get("details") or []:
        if isinstance(detail, Mapping):
            more_codes, more_messages = _walk(detail)
            codes += more_codes
            messages += [message for message in more_messages if message not in messages]
    return codes, messages


def _unpacked(message: str) -> str:
    """The texts of a quota error, whose message contains JSON: `{"errors": {"VmSize": ["Not enough quota …"]}}`."""
    start = message.find('{"errors"')
    if start < 0:
        return message.strip()
    try:
        inner = json.JSONDecoder().raw_decode(message[start:])[0]["errors"]
    except (ValueError, KeyError, TypeError):
        return message.strip()
    texts = [text for value in inner.values() for text in (value if isinstance(value, list) else [value])]
    return " ".join(str(text) for text in texts)
