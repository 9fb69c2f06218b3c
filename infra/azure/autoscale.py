"""Reads Azure Monitor's autoscale settings: where one targets a deployment, it decides about the number of instances.

Source: Azure ML "Autoscale online endpoints", and Microsoft.Insights 2022-10-01.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.azure.workspace import Workspace
from infra.errors import AccessDenied, Refused

AUTOSCALE_API = "2022-10-01"
Documents = Sequence[Mapping[str, Any]]


class Autoscale(Struct, frozen=True):
    """One enabled autoscale setting, and the most instances that any of its profiles allows."""

    name: str
    maximum: int


def settings_id(workspace: Workspace, name: str = "") -> str:
    """The id of the autoscale settings of the workspace's resource group, or of one of them."""
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}"
    return f"{group}/providers/Microsoft.Insights/autoscaleSettings" + (f"/{name}" if name else "")


def autoscale_settings(cloud: Cloud) -> Documents | None:
    """The settings in the workspace's resource group that target deployments of the workspace.

    None where the caller may not read them; empty where Microsoft.Insights is not registered.
    """
    try:
        found = cloud.management.list(settings_id(cloud.workspace), api_version=AUTOSCALE_API)
    except AccessDenied:
        return None
    except Refused:
        return []
    within = f"{cloud.workspace.id}/onlineEndpoints/".lower()
    return [setting for setting in found if _target(setting).startswith(within)]


def of_endpoint(settings: Documents, endpoint: str) -> dict[str, Mapping[str, Any]]:
    """Those that target deployments of an endpoint, by the deployment's name."""
    found = {}
    for setting in settings:
        parent, _, deployment = _target(setting).rpartition("/deployments/")
        if parent.endswith(f"/onlineendpoints/{endpoint.lower()}"):
            found[deployment] = setting
    return found


def enabled(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Autoscale]:
    """Those that are enabled."""
    return {
        deployment: Autoscale(str(setting["name"]), max(map(_maximum, _profiles(setting)), default=1))
        for deployment, setting in settings.items()
        if setting.get("properties", {}).get("enabled")
    }


def autoscaled(cloud: Cloud, endpoint: str) -> dict[str, Autoscale] | None:
    """The enabled settings by the deployment of `endpoint` that they target; None where they may not be read."""
    settings = autoscale_settings(cloud)
    return None if settings is None else enabled(of_endpoint(settings, endpoint))


def _target(setting: Mapping[str, Any]) -> str:
    return str(setting.get("properties", {}).get("targetResourceUri") or "").lower()


def _profiles(setting: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(setting.get("properties", {}).get("profiles") or [])


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
