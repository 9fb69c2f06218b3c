"""The deployment: machines, container, engine arguments, the reference to the secret, probes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from msgspec import Struct

from infra.azure.cloud import Cloud, Tick
from infra.errors import OperationFailed
from infra.resources.azure_shapes import asset_reference, duration, milliseconds, probe, probe_settings, without_nothing
from infra.resources.base import Live, Resource, State, merged_tags, owned, owner_of
from infra.resources.secrets_role import granted_just_now
from infra.resources.startup_watch import StartupWatch
from infra.spec.model import DeploymentSpec, ProbeSpec, to_values
from infra.spec.rules import PLATFORM_VARIABLES

CONCURRENCY = 64
# Liveness answers as soon as the process listens, so these only have to outlast imports on a cold disk; ten minutes of
# silence afterwards mean that the process hangs, and Azure restarts the container.
LIVENESS = {"initial_delay": 30, "period": 10, "timeout": 10, "success_threshold": 1, "failure_threshold": 60}
# Readiness answers 200 after a first real token. Azure gives a deployment up when this budget is spent, and 310 s, its
# default, does not even download a large model: period times failures is an hour. The period is short so that the
# endpoint serves soon after the token; the price, that a container which stops being ready stays in rotation for long,
# is not paid in practice, since the scoring process ends when its engine does.
READINESS = {"initial_delay": 5, "period": 5, "timeout": 5, "success_threshold": 1, "failure_threshold": 720}
LEADS_NOWHERE = re.compile(r"has no (connection|')|malformed|no part of a connection|key vault", re.IGNORECASE)
ARRIVAL_PAUSE, ARRIVAL_PAUSE_LOCAL = 20.0, 0.5
NOTED_BY_AZURE = "azure"  # so begin, in any case, the names of the free properties that Azure writes


class ServedModel(Struct, frozen=True):
    """What the container serves: a Hub model at a commit, and where its token lies; or a registry's model as it is."""

    id: str
    revision: str = ""
    served_name: str = ""
    environment: str = ""
    code: str = ""
    script: str = "score.py"
    secrets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Deployment(Resource):
    """One deployment of an endpoint."""

    endpoint: str
    spec: DeploymentSpec
    model: ServedModel
    stack: str

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
        """The deployment's name, which Azure keeps in lower case."""
        return self.spec.name.lower()

    @cached_property
    def desired(self) -> State:
        """The deployment in Azure's own YAML."""
        request = self.spec.request_settings
        concurrency = (
            request.max_concurrent_requests_per_instance or self.spec.engine.get("max_num_seqs") or CONCURRENCY
        )
        state: State = {
            "name": self.name,
            "endpoint_name": self.endpoint,
            "instance_type": self.spec.instance_type,
            "instance_count": self.spec.instance_count,
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
        }
        return {name: value for name, value in variables.items() if value} | dict(self.model.secrets)

    def settle(self, live: Live) -> State:
        """What the spec says; VM sizes are the same in any case."""
        if str(live.state.get("instance_type")).lower() == self.spec.instance_type.lower():
            return {**self.desired, "instance_type": live.state["instance_type"]}
        return self.desired

    def read(self, cloud: Cloud) -> Live | None:
        """The deployment as it is."""
        document = cloud.management.get(cloud.workspace.deployment(self.endpoint, self.name))
        return None if document is None else live_deployment(document, self.endpoint)

    def create(self, cloud: Cloud, state: State) -> None:
        """Make it and wait, phase by phase, until its first token."""
        self._put(cloud, state, new=True)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Change it; a count alone goes the short way that starts and stops instances and touches no other."""
        tags = merged_tags(live.state["tags"], state["tags"])
        if live.provisioning == "Succeeded" and _only_count_and_tags(live.state, state):
            id = cloud.workspace.deployment(self.endpoint, self.name)
            operation = cloud.management.begin_patch(
                id, {"tags": tags, "sku": {"name": "Default", "capacity": state["instance_count"]}}
            )
            cloud.poller.wait(operation)
            return
        self._put(cloud, {**state, "tags": tags}, live)

    def _put(self, cloud: Cloud, state: State, live: Live | None = None, *, new: bool = False) -> None:
        """Write it and wait; a role that is only minutes old may not have arrived, and then Azure is asked again."""
        while True:
            try:
                with StartupWatch(cloud, self.endpoint, self.name, new=new) as watch:
                    write(cloud, self.endpoint, state, live, watch.tick)
                return
            except OperationFailed as error:
                if not _wants_a_right(error, state) or not granted_just_now(cloud, self.endpoint):
                    raise
            new = False
            cloud.reporter.note("the right to read the token has not arrived everywhere yet: trying again")
            cloud.clock.sleep(ARRIVAL_PAUSE_LOCAL if cloud.local else ARRIVAL_PAUSE)

    def resume(self, cloud: Cloud, live: Live) -> None:
        """Wait for the operation under way, phase by phase."""
        with StartupWatch(cloud, self.endpoint, self.name) as watch:
            cloud.poller.wait_for_running(live.document, watch.tick)

    def obstacle(self, live: Live, traffic: Mapping[str, int]) -> str:
        """A deployment that gets requests is not taken away under them."""
        if not traffic.get(self.name):
            return ""
        return (
            "it gets requests: run the command again, and gatelift starts another one beside it and moves the requests "
            "once that serves"
        )

    def delete(self, cloud: Cloud) -> None:
        """Take it away."""
        cloud.delete(cloud.workspace.deployment(self.endpoint, self.name))


def live_deployment(document: Mapping[str, Any], endpoint: str) -> Live:
    """Azure's deployment as a live state; what the platform adds to the variables is not ours."""
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
        "code_configuration": without_nothing(
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
    """Send the state in Azure's own words and wait; what it does not say of a live deployment stays.

    Without azure-ai-ml: it asks for the endpoint and the workspace first, and looks once a second how far it is.
    """
    was = _settable(live)
    request, code = state["request_settings"], state.get("code_configuration") or {}
    said = {
        "endpointComputeType": "Managed",
        "instanceType": state["instance_type"],
        "model": _asset(cloud, "models", state.get("model")),
        "environmentId": _asset(cloud, "environments", state.get("environment")),
        "codeConfiguration": without_nothing(
            {"codeId": _asset(cloud, "codes", code.get("code")), "scoringScript": code.get("scoring_script")}
        ),
        "environmentVariables": {name: str(value) for name, value in state["environment_variables"].items()},
        "requestSettings": {
            "requestTimeout": duration(request["request_timeout_ms"]),
            "maxConcurrentRequestsPerInstance": request["max_concurrent_requests_per_instance"],
            **without_nothing({"maxQueueWait": (was.get("requestSettings") or {}).get("maxQueueWait")}),
        },
        "livenessProbe": probe_settings(state["liveness_probe"]),
        "readinessProbe": probe_settings(state["readiness_probe"]),
    }
    kept = {name: value for name, value in was.items() if name not in said}
    _send(cloud, endpoint, state, {**kept, **without_nothing(said)}, tick)


def restart(cloud: Cloud, endpoint: str, live: Live, mark: Mapping[str, str], tick: Tick) -> None:
    """Start the containers anew: everything as it is, but for one more environment variable."""
    was = _settable(live)
    variables = {**without_nothing(was.get("environmentVariables") or {}), **mark}
    _send(cloud, endpoint, live.state, {**was, "environmentVariables": variables}, tick)


def _settable(live: Live | None) -> dict[str, Any]:
    """A live deployment's properties but for those that Azure alone writes."""
    was = without_nothing((live.document.get("properties") if live else None) or {})
    was.pop("provisioningState", None)
    free = {k: v for k, v in was.pop("properties", {}).items() if not k.lower().startswith(NOTED_BY_AZURE)}
    return {**was, "properties": free} if free else was


def _send(cloud: Cloud, endpoint: str, state: State, properties: Mapping[str, Any], tick: Tick) -> None:
    body = {
        "location": cloud.region,
        "tags": state["tags"],
        "sku": {"name": "Default", "capacity": state["instance_count"]},
        "properties": properties,
    }
    cloud.poller.wait(cloud.management.begin_put(cloud.workspace.deployment(endpoint, state["name"]), body), tick)


def _asset(cloud: Cloud, collection: str, reference: str | None) -> str | None:
    return cloud.workspace.asset_id(collection, reference) if reference else None


def _wants_a_right(error: OperationFailed, state: State) -> bool:
    """Whether it failed for want of a right, as far as can be told: no right helps a reference that leads nowhere."""
    refers = any("azureml://connections/" in str(value) for value in state["environment_variables"].values())
    return refers and error.code == "SecretsInjectionError" and not LEADS_NOWHERE.search(str(error))


def _probe(written: ProbeSpec, defaults: Mapping[str, int]) -> dict[str, int]:
    return {**defaults, **to_values(written)}


def _only_count_and_tags(live: State, state: State) -> bool:
    return all(live.get(name) == value for name, value in state.items() if name not in ("instance_count", "tags"))
