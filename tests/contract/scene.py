"""The endpoint and the deployment that the contract is tested on, made by the unmodified SDK."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
SECRET = "sesame"
DEFAULT_BASE = "python:3.11-slim"
SETTLED_SECONDS = 120  # for how long an endpoint may refuse a deployment after a change of its own
ROUTE = {"port": 5001, "path": "/health"}
PROBE = {"initial_delay": 1, "period": 10, "timeout": 2}
# gatelift asks for two hours of probes. Where Azure refuses them, the rest of the check goes on with its default.
FAILURES = (720, 30)


@dataclass(frozen=True)
class Deployed:
    """The deployment `blue`: how many failures its probes were allowed, and how long it took."""

    name: str
    failures: int
    refused: str
    seconds: float


def put_connection(target: Any, name: str) -> None:
    keys = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_", "credentials": {"keys": {"W": SECRET}}}
    body = {"properties": {**keys, "isSharedToAll": True}}
    target.arm("PUT", f"{target.id}/connections/{name}", body).raise_for_status()


def environment(unique: str, folder: Path) -> Any:
    """The environment, built from a context whose base may be the image that a subscription is to be asked about."""
    from azure.ai.ml.entities import BuildContext, Environment

    context = Path(shutil.copytree(HERE / "image", folder / "image"))
    dockerfile = (context / "Dockerfile").read_text()
    base = os.environ.get("GATELIFT_CONTRACT_BASE", DEFAULT_BASE)
    (context / "Dockerfile").write_text(dockerfile.replace(DEFAULT_BASE, base))
    routes = {f"{kind}_route": ROUTE for kind in ("liveness", "readiness")}
    return Environment(
        name=f"box-{unique}",
        version="1",
        build=BuildContext(path=str(context)),
        inference_config={**routes, "scoring_route": {"port": 5001, "path": "/score"}},
    )


def deploy(target: Any, ml: Any, endpoint: str, environment: str, connection: str) -> Deployed:
    """Create the deployment `blue` with as many failures of its probes as Azure lets it have."""
    from azure.core.exceptions import HttpResponseError

    began, refused = time.monotonic(), ""
    for failures in FAILURES:
        try:
            _once_settled(ml, deployment(target, endpoint, environment, connection, failures)).result()
        except HttpResponseError as error:
            if failures == FAILURES[-1] or error.status_code != 400:
                raise
            refused = str(error).partition("\n")[0]
        else:
            return Deployed("blue", failures, refused, time.monotonic() - began)
    raise AssertionError("not reached")


def _once_settled(ml: Any, wanted: Any) -> Any:
    """Begin to create a deployment as soon as its endpoint lets it, which a test may have changed a moment ago."""
    from azure.core.exceptions import ResourceExistsError

    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        try:
            return ml.online_deployments.begin_create_or_update(wanted)
        except ResourceExistsError as error:
            if "Updating provisioning state" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(1)


def deployment(target: Any, endpoint: str, environment: str, connection: str, failures: int) -> Any:
    from azure.ai.ml import entities

    probe = entities.ProbeSettings(**PROBE, failure_threshold=failures)
    return entities.ManagedOnlineDeployment(
        name="blue",
        endpoint_name=endpoint,
        environment=environment,
        code_configuration=entities.CodeConfiguration(code=str(HERE / "code"), scoring_script="score.py"),
        instance_type=target.instance_type,
        instance_count=1,
        environment_variables={"WORD": f"${{{{azureml://connections/{connection}/credentials/W}}}}"},
        liveness_probe=probe,
        readiness_probe=probe,
        request_settings=entities.OnlineRequestSettings(
            request_timeout_ms=target.longest * 1000, max_concurrent_requests_per_instance=8
        ),
    )


@dataclass(frozen=True)
class Caller:
    """Sends requests to the endpoint as a client of it does."""

    uri: str
    key: str

    def __call__(
        self,
        path: str = "",
        method: str = "POST",
        *,
        key: str = "",
        content: bytes = b'{"say": "hello"}',
        **headers: str,
    ) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        with self.client(key, **given) as client:
            return client.request(method, self.url(path), content=content)

    def url(self, path: str) -> str:
        """The scoring URI, or another path of the same host."""
        return str(httpx.URL(self.uri).copy_with(path=path)) if path else self.uri

    def client(self, key: str = "", **headers: str) -> httpx.Client:
        given = {"Authorization": f"Bearer {key or self.key}", "content-type": "application/json", **headers}
        return httpx.Client(headers=given, trust_env=False, timeout=300)
