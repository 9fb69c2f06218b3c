"""Finds the Azure actions that gatelift needs and the caller may not do, as Azure evaluates role definitions."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
NEEDED = (
    f"{WORKSPACES}/connections/write",
    f"{WORKSPACES}/connections/listsecrets/action",
    f"{WORKSPACES}/environments/versions/write",
    f"{WORKSPACES}/codes/versions/write",
    f"{WORKSPACES}/models/versions/write",
    f"{WORKSPACES}/onlineEndpoints/write",
    f"{WORKSPACES}/onlineEndpoints/deployments/write",
)

AUTOSCALE_ACTIONS = tuple(f"Microsoft.Insights/autoscaleSettings/{verb}" for verb in ("read", "write", "delete"))


def missing_actions(permissions: Sequence[Mapping[str, Any]], needed: Sequence[str] = NEEDED) -> list[str]:
    """The needed actions that no permission grants; one grants what its `actions` match and its `notActions` do not."""
    return [action for action in needed if not any(allows(permission, action) for permission in permissions)]


def allows(permission: Mapping[str, Any], action: str) -> bool:
    """Whether one permission grants the action."""
    return matches(permission.get("actions", []), action) and not matches(permission.get("notActions", []), action)


def matches(patterns: Sequence[str], action: str) -> bool:
    """Whether any pattern matches the action; `*` matches anything, and case does not matter."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None for pattern in patterns
    )
