"""Azure ML's rules for deployments, and their default values."""

import re
from typing import Any

from infra.emulator.arm.call import Call, invalid
from infra.emulator.arm.connections import LIST_SECRETS
from infra.emulator.arm.endpoints.rules import ENFORCE_ACCESS
from infra.emulator.arm.quota.rules import check_quota, create_failed
from infra.emulator.arm.quota.vm_sizes import VmSize, vm_size
from infra.emulator.arm.tags import checked_tags, string_map
from infra.emulator.errors import ServiceError
from infra.emulator.iso_durations import DURATION, seconds_of
from infra.emulator.state.store import Document

MAX_INSTANCES = 50
MAX_DEPLOYMENTS_PER_ENDPOINT = 20
MAX_DEPLOYMENTS = 500
MAX_REQUEST_SECONDS = 180
REGISTRY_MODEL = "azureml://registries/"
BUSY_STATES = ("Creating", "Updating", "Deleting")
CREATE_ONLY = ("instanceType", "endpointComputeType")
PROBE: Document = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}
REQUEST: Document = {"maxQueueWait": "PT0.5S", "maxConcurrentRequestsPerInstance": 1, "requestTimeout": "PT5S"}
DEFAULTS: Document = {
    "endpointComputeType": "Managed",
    "scaleSettings": {"scaleType": "Default"},
    "appInsightsEnabled": False,
    "egressPublicNetworkAccess": "Enabled",
    "environmentVariables": {},
    "modelMountPath": None,
    "description": None,
}
# Integers of probes and request settings: the smallest valid value.
LEAST = {"failureThreshold": 1, "successThreshold": 1, "maxConcurrentRequestsPerInstance": 1}


def check_shape(body: Document) -> Document:
    """The properties of a request, after the checks that need nothing else."""
    sent = body.get("properties")
    if not isinstance(sent, dict):
        raise _wrong("The properties field is required.", "properties")
    if sent.get("endpointComputeType") != "Managed":
        raise _wrong(
            f"The endpointComputeType '{sent.get('endpointComputeType')}' is not supported, only Managed is.",
            "properties.endpointComputeType",
        )
    body["tags"] = checked_tags(body.get("tags"))
    for name in ("environmentVariables", "properties"):
        sent[name] = string_map(name, sent.get(name))
    for name in ("livenessProbe", "readinessProbe", "startupProbe", "requestSettings"):
        _check_settings(name, sent.get(name))
    liveness = sent.get("livenessProbe") or {}
    if liveness.get("successThreshold", 1) != 1:
        raise _wrong("The successThreshold of a liveness probe must be 1.", "properties.livenessProbe.successThreshold")
    timeout = seconds_of((sent.get("requestSettings") or {}).get("requestTimeout"), 0)
    if timeout > MAX_REQUEST_SECONDS:
        raise _wrong(
            f"The request timeout of {timeout:g} s exceeds the maximum of {MAX_REQUEST_SECONDS} s.",
            "properties.requestSettings.requestTimeout",
        )
    scale = sent.get("scaleSettings") or {}
    if scale.get("scaleType", "Default") != "Default":
        raise _wrong("A managed deployment supports scaleType Default only.", "properties.scaleSettings")
    mount = sent.get("modelMountPath")
    if mount is not None and not str(mount).startswith("/"):
        raise _wrong("The modelMountPath must be an absolute path.", "properties.modelMountPath")
    _check_code(sent.get("codeConfiguration"))
    return sent


def check_size(sent: Document) -> VmSize:
    """The instance type; 400 for an unknown one."""
    name = sent.get("instanceType")
    if not isinstance(name, str) or not name:
        raise create_failed({"InstanceType": ["The InstanceType field is required."]})
    size = vm_size(name)
    if size is None:
        raise create_failed(
            {
                "VmSize": [
                    f"Not supported VM size {name}. Please see the list of supported sizes: "
                    "https://aka.ms/managed-online-endpoints-vm-sku-list"
                ]
            }
        )
    return size


def check_capacity(sku: Any) -> int:
    """The number of instances; 400 outside the limits."""
    capacity = (sku or {}).get("capacity", 1) if isinstance(sku, dict) or sku is None else None
    if type(capacity) is not int or capacity < 1:
        raise create_failed(
            {"InstanceCount": [f"The instance count must be a number of at least 1, not {capacity!r}."]}
        )
    if capacity > MAX_INSTANCES:
        raise create_failed(
            {"InstanceCount": [f"The instance count {capacity} exceeds the limit of {MAX_INSTANCES} per deployment."]}
        )
    return capacity


def check_references(call: Call, sent: Document) -> None:
    """Refuse a deployment without an environment, or with neither code nor routes; missing assets fail later."""
    environment = call.world.store.get(sent.get("environmentId") or "") or {}
    has_routes = bool((environment.get("properties") or {}).get("inferenceConfig"))
    if not sent.get("environmentId") and str(sent.get("model") or "").startswith(REGISTRY_MODEL):
        raise ServiceError(
            501,
            "NotImplemented",
            f"The emulator has no container for '{sent['model']}': a registry's model brings its own on Azure only. "
            "Name an environment beside it.",
        )
    if not sent.get("environmentId"):
        raise _wrong("'Image' must not be empty. The environmentId field is required.", "properties.environmentId")
    if environment and not sent.get("codeConfiguration") and not has_routes:
        raise ServiceError(
            400,
            "BadRequest",
            "The request is invalid.",
            details=[
                {
                    "code": "MissingDriverProgram",
                    "message": "The deployment has neither a code configuration with a scoring script nor an "
                    "environment with an inference config.",
                }
            ],
        )
    if environment and sent.get("modelMountPath") and not has_routes:
        raise _wrong(
            "The modelMountPath can be used with an environment that has an inference config only.",
            "properties.modelMountPath",
        )


def check_limits(call: Call, endpoint: Document, size: VmSize, capacity: int, *, creating: bool) -> None:
    """400 above a limit of endpoint or subscription, or above the quota of the VM family."""
    if creating:
        siblings = call.world.store.children(endpoint["id"], "deployments")
        subscription = call.subscription.lower()
        all_of_them = call.world.store.of_type("deployments")
        count = sum(item["id"].split("/")[2].lower() == subscription for item in all_of_them)
        for number, most, where in (
            (len(siblings), MAX_DEPLOYMENTS_PER_ENDPOINT, "endpoint"),
            (count, MAX_DEPLOYMENTS, "subscription"),
        ):
            if number >= most:
                raise create_failed({"": [f"Number of deployments in the {where} has reached its limit of {most}."]})
    check_quota(call.world, call.id, endpoint["location"], size, capacity)


def check_endpoint_is_free(call: Call, endpoint: Document, verb: str) -> None:
    """409 while the endpoint itself is being changed, or was so moments ago.

    The message is Azure's (Azure/azure-sdk-for-net#36961, which does not show the status and the code).
    """
    state = endpoint["properties"]["provisioningState"]
    if state not in BUSY_STATES:
        world = call.world
        if world.operations.seconds_since_end(endpoint["id"]) >= world.settings["endpoint_settle_seconds"]:
            return
        state = "Updating"
    message = f"Cannot {verb} a deployment in endpoint {endpoint['name']} because it is in {state} provisioning state."
    raise ServiceError(409, "Conflict", message)


def check_creator(call: Call, endpoint: Document) -> None:
    """403 if the endpoint enforces access to secrets that the caller may not read."""
    if str(endpoint["properties"]["properties"].get(ENFORCE_ACCESS, "")).lower() == "enabled":
        call.require(LIST_SECRETS, call.workspace_id)


def check_create_only(existing: Document, sent: Document) -> None:
    """400 for a change of a field that is fixed at creation."""
    for name in CREATE_ONLY:
        before, after = existing["properties"].get(name), sent.get(name)
        if after is not None and str(before).lower() != str(after).lower():
            raise invalid(
                f"The field {name} of a deployment cannot be changed from '{before}' to '{after}'. Create a new "
                "deployment instead.",
                code="InferencingClientUpdateDeploymentFailed",
                target=f"properties.{name}",
            )


def with_defaults(sent: Document) -> Document:
    """The properties as GET answers them: those sent, and the service's default values."""
    given = {name: value for name, value in sent.items() if value is not None}
    probes = {name: PROBE | _given(sent.get(name)) for name in ("livenessProbe", "readinessProbe")}
    return DEFAULTS | given | probes | {"requestSettings": REQUEST | _given(sent.get("requestSettings"))}


def _given(value: Any) -> Document:
    return {name: item for name, item in (value or {}).items() if item is not None}


def _check_settings(name: str, settings: Any) -> None:
    if settings is None:
        return
    if not isinstance(settings, dict):
        raise _wrong(f"{name} must be an object.", f"properties.{name}")
    known = REQUEST if name == "requestSettings" else PROBE
    for field, value in settings.items():
        if field not in known:
            raise _wrong(f"{name} has no field {field}.", f"properties.{name}.{field}")
        if value is None:
            continue
        if field in LEAST:
            if type(value) is not int or value < LEAST[field]:
                raise _wrong(f"{field} must be at least {LEAST[field]}.", f"properties.{name}.{field}")
        elif not isinstance(value, str) or not DURATION.fullmatch(value):
            raise _wrong(f"{field} must be an ISO 8601 duration, not '{value}'.", f"properties.{name}.{field}")
        elif field in ("timeout", "initialDelay") and name != "requestSettings" and seconds_of(value, 0) < 1:
            raise _wrong(f"{field} must be at least one second.", f"properties.{name}.{field}")


def _check_code(code: Any) -> None:
    if code is None:
        return
    script = code.get("scoringScript") if isinstance(code, dict) else None
    if not isinstance(script, str) or not re.search("[a-zA-Z0-9_]", script):
        raise _wrong("The scoringScript field is required.", "properties.codeConfiguration.scoringScript")


def _wrong(message: str, target: str) -> ServiceError:
    return invalid(message, code="ValidationError", target=target)
