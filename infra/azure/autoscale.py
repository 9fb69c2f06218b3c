"""Reads Azure Monitor's autoscale settings: where one targets a deployment, it decides about the number of instances.

Source: Azure ML "Autoscale online endpoints", and Microsoft.Insights 2022-10-01.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, Refused

AUTOSCALE_API = "2022-10-01"


class Autoscale(Struct, frozen=True):
    """One autoscale setting, and the most instances that any of its profiles allows."""

    name: str
    maximum: int


def autoscaled(cloud: Cloud, endpoint: str) -> dict[str, Autoscale] | None:
    """The enabled settings in the workspace's resource group, by the deployment of `endpoint` that they target.

    None where the caller may not read them; empty where Microsoft.Insights is not registered.
    """
    workspace = cloud.workspace
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}"
    try:
        found = cloud.management.list(
            f"{group}/providers/Microsoft.Insights/autoscaleSettings", api_version=AUTOSCALE_API
        )
    except AccessDenied:
        return None
    except Refused:
        return {}
    targets: dict[str, Autoscale] = {}
    for setting in found:
        properties = setting.get("properties", {})
        parent, _, deployment = str(properties.get("targetResourceUri") or "").lower().rpartition("/deployments/")
        if properties.get("enabled") and parent == workspace.endpoint(endpoint).lower():
            most = [_maximum(profile) for profile in properties.get("profiles") or []]
            targets[deployment] = Autoscale(str(setting["name"]), max(most, default=1))
    return targets


def _maximum(profile: Mapping[str, Any]) -> int:
    written = str((profile.get("capacity") or {}).get("maximum", ""))
    return int(written) if written.isdecimal() else 1


def left_to(setting: str, live: int, wanted: int | None) -> str:
    """That a setting decides about the number of instances, not the spec; empty without a setting."""
    said = f", not {wanted} as in the spec" if wanted not in (None, live) else ""
    return f"instance_count is left at {live}{said}: the autoscale setting {setting} decides" if setting else ""


def is_open(setting: str, wanted: int | None) -> bool:
    """Whether a setting or a person decides about the number of instances, not the spec."""
    return bool(setting) or wanted is None
