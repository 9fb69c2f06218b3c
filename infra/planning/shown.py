"""What a plan shows of a value: whatever may be a secret only as a fingerprint, so that a change is still visible."""

from typing import Any

from infra.redaction import REFERENCE, looks_secret, redact_quoted, shown_fingerprint
from infra.spec.rules import VARIABLES_OF_OURS

VARIABLES, TAGS, TEXTS = "environment_variables.", "tags.", ("description",)


def shown(path: str, before: Any, after: Any) -> dict[str, Any]:
    """Both values of a field that changes, as everybody may see them.

    A live environment variable may have been set by anybody and hold anything, so its value shows only where it refers
    to a secret or where gatelift alone writes it.
    """
    if path.startswith(VARIABLES):
        name = path.removeprefix(VARIABLES)
        return {"before": _live_variable(path, name, before), "after": _unless_secret(path, name, after)}
    if path.startswith(TAGS):
        name = path.removeprefix(TAGS)
        return {"before": _unless_secret(path, name, before), "after": _unless_secret(path, name, after)}
    if path in TEXTS:
        return {"before": _text(before), "after": _text(after)}
    return {"before": before, "after": after}


def _live_variable(path: str, name: str, value: Any) -> Any:
    written = str(value)
    as_ours = name in VARIABLES_OF_OURS and (written.startswith(("{", "[")) or " " not in written)
    if value is None or as_ours or REFERENCE.fullmatch(written):
        return _unless_secret(path, name, value)
    return shown_fingerprint(path, value)


def _unless_secret(path: str, name: str, value: Any) -> Any:
    hidden = looks_secret(name, value) or _text(value) != value
    return shown_fingerprint(path, value) if hidden else value


def _text(value: Any) -> Any:
    return redact_quoted(value) if isinstance(value, str) else value
