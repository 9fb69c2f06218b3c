"""The deployment: its VMs, container, vLLM arguments, reference to the token, and probes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from msgspec import Struct

from infra.azure.autoscale import is_open, left_to
from infra.azure.cloud import Cloud, Tick
from infra.errors import OperationFailed
from infra.resources.azure_shapes import asset_reference, duration, milliseconds, probe, probe_settings, without_empty
from infra.resources.base import Live, Resource, State, merged_tags, owned, owner_of
from infra.resources.identity_roles import ROLES, IdentityRole, SecretsRole, recently_granted
from infra.resources.startup_watch import LIVENESS, READINESS, StartupWatch
from infra.spec.deployment import DeploymentSpec, ProbeSpec
from infra.spec.model import to_values
from infra.spec.rules import PLATFORM_VARIABLES

CONCURRENCY = 64  # requests at a time, for each instance
BROKEN_REFERENCE = re.compile(r"has no (connection|')|malformed|part of a connection|key vault", re.IGNORECASE)
ROLE_PAUSE, ROLE_PAUSE_LOCAL = 20.0, 0.5  # seconds between two tries while a new role assignment takes effect
AZURE_PREFIX = "azure"  # in any case: the free properties that Azure itself writes have names that begin so


class ServedModel(Struct, frozen=True):
    """What the container serves: a Hub model at a commit, a mounted one, or a registry model, which sets only `id`.

    `environment` and `code` are `azureml:NAME:VERSION`; `secrets` are environment variables that refer to secrets;
    `mount` is the model version that Azure mounts, for weights that containers do not download; `adapters` is JSON.
    """

    id: str = ""
    revision: str = ""
    served_name: str = ""
    environment: str = ""
    code: str = ""
    script: str = "score.py"
    secrets: tuple[tuple[str, str], ...] = ()
    mount: str = ""
    adapters: str = ""


@dataclass(frozen=True)
class Deployment(Resource):
    """One deployment of an endpoint."""

    endpoint: str
    spec: DeploymentSpec
    model: ServedModel
    stack: str
    first_count: int = 1  # at creation, where the spec has none
    autoscale: str = ""  # the setting that decides about the number of instances

    kind: ClassVar[str] = "deployment"
    updatable: ClassVar[frozenset[str]] = frozenset(
        {
            "instance_count",
            "model",
            "environment",
            "code_configuration",
            "environment_variables",
            "request_settings",
            "liveness_probe",
            "readiness_probe",
            "tags",
        }
    )
    exact: ClassVar[frozenset[str]] = frozenset({"environment_variables"})

    @property
    def name(self) -> str:
        """The deployment's name in lower case, as Azure stores it."""
        return self.spec.name.lower()

    @cached_property
    def desired(self) -> State:
        """The deployment as Azure ML YAML."""
        request = self.spec.request_settings
        concurrency = (
            request.max_concurrent_requests_per_instance or self.spec.engine.get("max_num_seqs") or CONCURRENCY
        )
        state: State = {
            "name": self.name,
            "endpoint_name": self.endpoint,
            "instance_type": self.spec.instance_type,
            "instance_count": self.spec.instance_count or self.first_count,
            "request_settings": {
                "request_timeout_ms": request.request_timeout_ms,
                "max_concurrent_requests_per_instance": concurrency,
            },
            "liveness_probe": _probe(self.spec.liveness_probe, LIVENESS),
            "readiness_probe": _probe(self.spec.readiness_probe, READINESS),
            "environment_variables": {**self.spec.environment_variables, **self._variables()},
            "tags": dict(self.spec.tags),
            **self._container(),
        }
        return owned(state, self.stack)

    def _container(self) -> State:
        if not self.model.environment:
            return {"model": self.model.id}
        return {
            **({"model": self.model.mount} if self.model.mount else {}),
            "environment": self.model.environment,
            "code_configuration": {"code": self.model.code, "scoring_script": self.model.script},
        }

    def _variables(self) -> dict[str, str]:
        if not self.model.environment:
            return {}
        engine = json.dumps(self.spec.engine, sort_keys=True)
        variables = {
            "SCORING_MODEL": self.model.id,
            "SCORING_REVISION": self.model.revision,
            "SCORING_SERVED_MODEL_NAME": self.model.served_name,
            "SCORING_ENGINE_ARGS": engine,
            "SCORING_ADAPTERS": self.model.adapters,
        }
        return {name: value for name, value in variables.items() if value} | dict(self.model.secrets)

    def settle(self, live: Live) -> State:
        """What the spec says, but the VM size in its live spelling, and the live count where the spec has no say."""
        state = dict(self.desired)
        if str(live.state.get("instance_type")).lower() == self.spec.instance_type.lower():
            state["instance_type"] = live.state["instance_type"]
        if is_open(self.autoscale, self.spec.instance_count):
            state["instance_count"] = live.state["instance_count"]
        return state

    def remark_on(self, live: Live) -> str:
        """Which autoscale setting decides about the number of instances."""
        return left_to(self.autoscale, live.state["instance_count"], self.spec.instance_count)

    def read(self, cloud: Cloud) -> Live | None:
        """The deployment; None where it does not exist."""
        document = cloud.management.get(cloud.workspace.deployment(self.endpoint, self.name))
        return None if document is None else live_deployment(document, self.endpoint)

    def create(self, cloud: Cloud, state: State) -> None:
        """Create it and wait until it is ready, reporting the phases of its start."""
        self._put(cloud, state, new=True)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Change it; where only count and tags differ, a PATCH leaves the running instances alone."""
        live = self.read(cloud) or live  # scaled, tagged or given variables by others since the plan was made?
        tags, left = merged_tags(live.state["tags"], state["tags"]), is_open(self.autoscale, self.spec.instance_count)
        if live.provisioning == "Succeeded" and _only_count_and_tags(live.state, state):
            id = cloud.workspace.deployment(self.endpoint, self.name)
            count = {} if left else {"sku": {"name": "Default", "capacity": state["instance_count"]}}
            cloud.poller.wait(cloud.begin(lambda: cloud.management.begin_patch(id, {"tags": tags, **count})))
            return
        if left:
            state["instance_count"] = live.state["instance_count"]
        self._put(cloud, {**state, "tags": tags}, live)

    def _put(self, cloud: Cloud, state: State, live: Live | None = None, *, new: bool = False) -> None:
        """Write it and wait; tries again while a role assignment that is only minutes old has not taken effect."""
        while True:
            try:
                with StartupWatch(cloud, self.endpoint, self.name, new=new) as watch:
                    write(cloud, self.endpoint, state, live, watch.tick)
                return
            except OperationFailed as error:
                if not recently_granted(cloud, self.endpoint, _roles_lacking(error, state)):
                    raise
            new = False
            cloud.reporter.note("a permission of the endpoint's identity has not taken effect yet: trying again")
            cloud.clock.sleep(ROLE_PAUSE_LOCAL if cloud.local else ROLE_PAUSE)

    def resume(self, cloud: Cloud, live: Live) -> None:
        """Wait for the operation of an earlier run, reporting the phases of the start."""
        with StartupWatch(cloud, self.endpoint, self.name) as watch:
            cloud.poller.wait_for_running(live.document, watch.tick)

    def obstacle(self, live: Live, traffic: Mapping[str, int]) -> str:
        """A deployment that gets requests must not be deleted."""
        if not traffic.get(self.name):
            return ""
        return (
            "it gets requests: run the command again; gatelift then starts another deployment beside it and moves the "
            "requests once that one answers"
        )

    def delete(self, cloud: Cloud) -> None:
        """Delete the deployment."""
        cloud.delete(cloud.workspace.deployment(self.endpoint, self.name))


def live_deployment(document: Mapping[str, Any], endpoint: str) -> Live:
    """Azure's document of a deployment as a `Live`; environment variables that Azure adds are left out."""
    properties = document.get("properties", {})
    code = properties.get("codeConfiguration") or {}
    request = properties.get("requestSettings") or {}
    variables = properties.get("environmentVariables") or {}
    state: State = {
        "name": document.get("name"),
        "endpoint_name": endpoint,
        "instance_type": properties.get("instanceType"),
        "instance_count": (document.get("sku") or {}).get("capacity"),
        "model": asset_reference(properties.get("model")),
        "environment": asset_reference(properties.get("environmentId")),
        "code_configuration": without_empty(
            {"code": asset_reference(code.get("codeId")), "scoring_script": code.get("scoringScript")}
        ),
        "environment_variables": {k: v for k, v in variables.items() if not k.startswith(PLATFORM_VARIABLES)},
        "request_settings": {
            "request_timeout_ms": milliseconds(request.get("requestTimeout")),
            "max_concurrent_requests_per_instance": request.get("maxConcurrentRequestsPerInstance"),
        },
        "liveness_probe": probe(properties.get("livenessProbe")),
        "readiness_probe": probe(properties.get("readinessProbe")),
        "tags": dict(document.get("tags") or {}),
    }
    provisioning = str(properties.get("provisioningState", "Succeeded"))
    return Live(state, owner_of(state["tags"]), provisioning, document)


def write(cloud: Cloud, endpoint: str, state: State, live: Live | None, tick: Tick) -> None:
    """Write the state as Azure's document and wait; properties of a live deployment that it does not set are kept."""
    before = settable(live)
    variables = without_empty(before.get("environmentVariables") or {})
    request, code = state["request_settings"], state.get("code_configuration") or {}
    properties = {
        "endpointComputeType": "Managed",
        "instanceType": state["instance_type"],
        "model": _asset(cloud, "models", state.get("model")),
        "environmentId": _asset(cloud, "environments", state.get("environment")),
        "codeConfiguration": without_empty(
            {"codeId": _asset(cloud, "codes", code.get("code")), "scoringScript": code.get("scoring_script")}
        ),
        "environmentVariables": {
            **{name: value for name, value in variables.items() if name.startswith(PLATFORM_VARIABLES)},
            **{name: str(value) for name, value in state["environment_variables"].items()},
        },
        "requestSettings": {
            "requestTimeout": duration(request["request_timeout_ms"]),
            "maxConcurrentRequestsPerInstance": request["max_concurrent_requests_per_instance"],
            **without_empty({"maxQueueWait": (before.get("requestSettings") or {}).get("maxQueueWait")}),
        },
        "livenessProbe": probe_settings(state["liveness_probe"]),
        "readinessProbe": probe_settings(state["readiness_probe"]),
    }
    kept = {name: value for name, value in before.items() if name not in properties}
    _send(cloud, endpoint, state, {**kept, **without_empty(properties)}, tick)


def restart(cloud: Cloud, endpoint: str, live: Live, variable: Mapping[str, str], tick: Tick) -> None:
    """Restart the containers by writing the deployment with one more environment variable, and wait."""
    before = settable(live)
    variables = {**without_empty(before.get("environmentVariables") or {}), **variable}
    _send(cloud, endpoint, live.state, {**before, "environmentVariables": variables}, tick)


def settable(live: Live | None) -> dict[str, Any]:
    """The properties of a live deployment, without those that only Azure writes."""
    properties = without_empty((live.document.get("properties") if live else None) or {})
    properties.pop("provisioningState", None)
    free = {k: v for k, v in properties.pop("properties", {}).items() if not k.lower().startswith(AZURE_PREFIX)}
    return {**properties, "properties": free} if free else properties


def _send(cloud: Cloud, endpoint: str, state: State, properties: Mapping[str, Any], tick: Tick) -> None:
    body = {
        "location": cloud.region,
        "tags": state["tags"],
        "sku": {"name": "Default", "capacity": state["instance_count"]},
        "properties": properties,
    }
    id = cloud.workspace.deployment(endpoint, state["name"])
    cloud.poller.wait(cloud.begin(lambda: cloud.management.begin_put(id, body)), tick)


def _asset(cloud: Cloud, collection: str, reference: str | None) -> str | None:
    return cloud.workspace.asset_id(collection, reference) if reference else None


def _roles_lacking(error: OperationFailed, state: State) -> tuple[type[IdentityRole], ...]:
    """The roles for lack of which it may have failed; none where a reference to a secret is wrong, or for the rest."""
    if error.code == "BadArgument" and "Endpoint identity does not have" in str(error):  # a registry, or storage
        return tuple(role for role in ROLES if role is not SecretsRole)
    refers = any("azureml://connections/" in str(value) for value in state["environment_variables"].values())
    broken = BROKEN_REFERENCE.search(str(error))
    return (SecretsRole,) if refers and error.code == "SecretsInjectionError" and not broken else ()


def _probe(written: ProbeSpec, defaults: Mapping[str, int]) -> dict[str, int]:
    return {**defaults, **to_values(written)}


def _only_count_and_tags(live: State, state: State) -> bool:
    return all(live.get(name) == value for name, value in state.items() if name not in ("instance_count", "tags"))
