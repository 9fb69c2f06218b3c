"""Tells from a resource whether a request to write it has arrived, where its answer was lost."""

from collections.abc import Mapping
from typing import Any

WORKING = {"Creating", "Updating", "Deleting", "Scaling", "Accepted", "InProgress", "Running"}
# What Azure shows in other words than it was sent, or not at all.
NOT_SHOWN = ("location", "identity", "credentials")
SPLITS = ("traffic", "mirrorTraffic")  # a share of zero is shown or left out


def arrived_at(document: Any, body: Any) -> bool:
    """Whether the resource has everything that was sent; where Azure writes a value in another way, it has not."""
    return isinstance(document, Mapping) and isinstance(body, Mapping) and _has(document, body)


def running_operation(document: Any) -> str:
    """The URL of the operation that a resource's properties name while it is being changed; empty where none runs."""
    properties = (document.get("properties") if isinstance(document, Mapping) else None) or {}
    if properties.get("provisioningState") not in WORKING:
        return ""
    return str((properties.get("properties") or {}).get("AzureAsyncOperationUri") or "")


def _has(document: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return all(_same(name, document.get(name), value) for name, value in body.items() if name not in NOT_SHOWN)


def _same(name: str, shown: Any, sent: Any) -> bool:
    if name in SPLITS:
        return {k: v for k, v in (shown or {}).items() if v} == {k: v for k, v in (sent or {}).items() if v}
    if isinstance(sent, Mapping):
        return _has(shown if isinstance(shown, Mapping) else {}, sent)
    return bool(shown == sent) or (sent is None and not shown)
