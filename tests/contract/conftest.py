"""Where the contract is tested: on the emulator always, on a real workspace when the environment names one.

    GATELIFT_CONTRACT_SUBSCRIPTION, GATELIFT_CONTRACT_RESOURCE_GROUP, GATELIFT_CONTRACT_WORKSPACE
    GATELIFT_CONTRACT_INSTANCE_TYPE   Standard_DS3_v2 where it is left out
    GATELIFT_CONTRACT_BASE            the image that the container is built on; python:3.11-slim where it is left out

`python -m pytest -m azure tests/contract` then signs in as azure-identity's DefaultAzureCredential does. It makes an
endpoint with one instance, which costs money for less than an hour, and removes what it made. With `--record` what was
seen gets its date in facts.yaml and seen.yaml; docs/live-check.md says more.
"""

import contextlib
import io
import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator import launcher
from tests.contract import facts, live_check, scene

HERE = Path(__file__).parent
FOUND = pytest.StashKey[dict[str, str]]()
PASSED, FAILED = pytest.StashKey[set[str]](), pytest.StashKey[set[str]]()
TOKENS = ("hf_contracttoken1", "hf_contracttoken2")
SEED = {"hub": {"tokens": [{"value": token, "user": "demo"} for token in TOKENS]}}
# Operations take a moment, as on Azure, so that what they lock can be seen.
SETTINGS = {"endpoint_bytes_per_second": 0, "operation_seconds": 0.3, "endpoint_settle_seconds": 1, "list_page_size": 2}
PLACE = ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE")
PUBLIC = "https://management.azure.com"


@dataclass(frozen=True)
class Target:
    """One place that the contract holds for; `arm` sends plain requests to its Resource Manager."""

    credential: Any
    subscription: str
    group: str
    workspace: str
    base: str = PUBLIC
    options: dict[str, Any] = field(default_factory=dict)
    trusted: str | bool = True
    instance_type: str = "Standard_DS3_v2"
    longest: int = 180
    """Seconds that a request may take: the most that Azure allows, and less on the emulator, so that nobody waits."""
    environ: dict[str, str] = field(default_factory=dict)
    """What the command line needs to take the emulator for a cloud of its own; nothing on Azure."""

    @property
    def live(self) -> bool:
        return not self.environ

    @property
    def id(self) -> str:
        provider = "providers/Microsoft.MachineLearningServices"
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/{provider}/workspaces/{self.workspace}"

    def token(self, scope: str = f"{PUBLIC}/.default") -> str:
        return str(self.credential.get_token(scope).token)

    def arm(self, method: str, path: str, body: Any = None, **changes: Any) -> httpx.Response:
        """A request of its own; `version` and `token` replace the usual ones, None leaves them out."""
        version, token = changes.get("version", "2024-04-01"), changes.get("token", self.token())
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= changes.get("headers", {})
        params = {"api-version": version} if version else {}
        with httpx.Client(verify=self.trusted, trust_env=False, timeout=120) as client:
            return client.request(method, f"{self.base}{path}", json=body, params=params, headers=headers)


def on_the_emulator(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Iterator[Target]:
    from azure.identity import ManagedIdentityCredential

    folder = tmp_path_factory.mktemp("contract")
    (folder / "seed.json").write_text(json.dumps(SEED))
    state = folder / "state"
    profile = launcher.start(state, seed=folder / "seed.json")
    httpx.put(f"{profile.portal}/settings", json=SETTINGS, trust_env=False).raise_for_status()
    patch.setenv("REQUESTS_CA_BUNDLE", profile.ca_bundle)
    patch.setenv("IDENTITY_ENDPOINT", profile.identity_endpoint)
    patch.setenv("IDENTITY_HEADER", "any")
    url = profile.resource_manager
    cloud = {
        "azure_portal": profile.portal,
        "resource_manager": url,
        "active_directory": url,
        "aml_resource_id": "https://ml.azure.com",
        "storage_endpoint": "core.windows.net",
        "registry_discovery_endpoint": f"{url}/",
    }
    options = {"cloud": f"contract-{url.rpartition(':')[2]}", "cloud_metadata": cloud}
    subscription = "00000000-0000-0000-0000-000000000001"
    yield Target(
        ManagedIdentityCredential(),
        subscription,
        "gatelift",
        "local",
        url,
        options,
        trusted=profile.ca_bundle,
        longest=3,
        environ={
            "ARM_CLOUD_METADATA_URL": f"{url}/metadata/endpoints?api-version=2022-09-01",
            "REQUESTS_CA_BUNDLE": profile.ca_bundle,
            "HF_ENDPOINT": profile.hub,
        },
    )
    launcher.stop(state)


def on_azure(config: pytest.Config) -> Target:
    from azure.identity import DefaultAzureCredential

    if "azure" not in config.option.markexpr:
        pytest.skip("on a real workspace only with -m azure, which costs money")
    found = [os.environ.get(f"GATELIFT_CONTRACT_{name}", "") for name in PLACE]
    if not all(found):
        pytest.skip(f"no real workspace: set {', '.join(f'GATELIFT_CONTRACT_{name}' for name in PLACE)}")
    size = os.environ.get("GATELIFT_CONTRACT_INSTANCE_TYPE", "Standard_DS3_v2")
    return Target(DefaultAzureCredential(), *found, instance_type=size)


@pytest.fixture(scope="session", params=["emulator", pytest.param("azure", marks=pytest.mark.azure)])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The place that a test runs against."""
    if request.param == "azure":
        yield on_azure(request.config)
        return
    with pytest.MonkeyPatch.context() as patch:
        yield from on_the_emulator(tmp_path_factory, patch)


@pytest.fixture(scope="session")
def ml(target: Target) -> Any:
    """The unmodified SDK, which asks for operations every second where the service does not say how often."""
    from azure.ai.ml import MLClient

    place = (target.subscription, target.group, target.workspace)
    return MLClient(target.credential, *place, polling_interval=1, enable_telemetry=False, **target.options)


@pytest.fixture(scope="session")
def unique(target: Target) -> str:
    """Tells this run's resources from those of others."""
    return uuid.uuid4().hex[:8]


@pytest.fixture(scope="session")
def quiet() -> Callable[[], Any]:
    """Keeps the dots that the SDK prints out of the output."""
    return lambda: contextlib.redirect_stdout(io.StringIO())


@pytest.fixture(scope="session")
def endpoint(target: Target, ml: Any, unique: str, quiet: Callable[[], Any]) -> Iterator[str]:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    name = f"contract-{unique}"
    flag = {"enforce_access_to_default_secret_stores": "enabled"}
    with quiet():
        ml.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=name, auth_mode="key", tags={"made": "by a test"}, properties=flag)
        ).result()
    yield name
    with quiet():
        ml.online_endpoints.begin_delete(name).result()
    assert target.arm("GET", f"{target.id}/onlineEndpoints/{name}").status_code == 404


@pytest.fixture(scope="session")
def deployed(
    target: Target, ml: Any, endpoint: str, unique: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[scene.Deployed]:
    words = f"words-{unique}"
    scene.put_connection(target, words)
    with contextlib.redirect_stdout(io.StringIO()):
        box = ml.environments.create_or_update(scene.environment(unique, tmp_path_factory.mktemp("image")))
        made = scene.deploy(target, ml, endpoint, box.id, words)
    yield made
    ml.connections.delete(words)


@pytest.fixture
def deployment(deployed: scene.Deployed) -> str:
    return deployed.name


@pytest.fixture
def call(ml: Any, endpoint: str) -> scene.Caller:
    """Sends a request to the endpoint."""
    return scene.Caller(
        ml.online_endpoints.get(endpoint).scoring_uri, ml.online_endpoints.get_keys(endpoint).primary_key
    )


@pytest.fixture
def ask(call: scene.Caller, deployment: str) -> Callable[..., Any]:
    """Sends a request to the deployment `blue`, whatever the traffic says."""
    return lambda *arguments, **more: call(*arguments, azureml_model_deployment=deployment, **more)


@pytest.fixture
def tell(request: pytest.FixtureRequest, target: Target, told: list[str]) -> Callable[[str], None]:
    """Prints what a probe found as its line of the table, at the end of the run, and says where it was seen."""
    test = request.node.originalname
    risk = request.node.get_closest_marker("probe").args[0]

    def say(found: str) -> None:
        today = datetime.now(UTC).date()
        known = live_check.sightings().get(test)
        elsewhere = f"on Azure on {known.seen}: {known.found}" if known else f"not yet seen on Azure ({today})"
        where = f"seen on Azure on {today}" if target.live else f"on the emulator; {elsewhere}"
        told.append(f"| {risk or '–'} | {test.removeprefix('test_')} | {found} | {where} |")
        if target.live:
            request.config.stash.setdefault(FOUND, {})[test] = found

    return say


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="date in facts.yaml and seen.yaml what was seen on Azure")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember which tests passed on Azure, and which did not in one of their cases."""
    report = yield
    if item.get_closest_marker("azure") and report.when == "call":
        test = item.nodeid.partition("[")[0]
        passed = item.config.stash.setdefault(PASSED, set())
        failed = item.config.stash.setdefault(FAILED, set())
        (passed if report.passed else failed).add(test)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With `--record`, date what was seen on Azure."""
    stash, today = session.config.stash, datetime.now(UTC).date()
    passed = stash.get(PASSED, set()) - stash.get(FAILED, set())
    if not (session.config.getoption("--record") and passed):
        return
    facts.FACTS.write_text(facts.seen(facts.FACTS.read_text(encoding="utf-8"), passed, today), encoding="utf-8")
    live_check.record(stash.get(FOUND, {}), today)
    live_check.main()
