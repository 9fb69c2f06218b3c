"""One world per test with a real store, real tokens and a workspace in which deployments can be made."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.frontend.servers import FrontEndServers
from infra.emulator.host.host import ProcessHost
from infra.emulator.state.paths import StatePaths
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls
from infra.emulator.world import World

CODE = Path(__file__).parent / "host" / "code"
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/gatelift"
    "/providers/Microsoft.MachineLearningServices/workspaces/local"
)
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/chat"
BLUE, GREEN = f"{ENDPOINT}/deployments/blue", f"{ENDPOINT}/deployments/green"
ENVIRONMENT = f"{WORKSPACE}/environments/box/versions/1"
SCRIPT_CODE = f"{WORKSPACE}/codes/script/versions/1"
SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
FAST_PROBE = {"initialDelay": "PT1S", "period": "PT1S", "timeout": "PT1S", "failureThreshold": 10}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Workspace:
    """Puts resources into the store as the control plane would."""

    id = WORKSPACE
    endpoint = ENDPOINT
    blue, green = BLUE, GREEN
    environment = ENVIRONMENT
    code = SCRIPT_CODE

    def __init__(self, world: World) -> None:
        self.world = world
        self.identity = str(uuid.uuid4())
        world.blobs.create_container("assets", WORKSPACE)
        self.put(WORKSPACE, {})
        self.put_code(SCRIPT_CODE, (CODE / "score.py").read_bytes())
        routes = {
            f"{kind}Route": {"port": 5001, "path": path}
            for kind, path in [("liveness", "/health/live"), ("readiness", "/health/ready"), ("scoring", "/score")]
        }
        self.put(ENVIRONMENT, {"image": "docker.io/box:1", "inferenceConfig": routes})
        self.put_endpoint()

    def put(self, id: str, properties: dict[str, Any], **more: Any) -> None:
        stamp = {"createdAt": datetime.now(UTC).isoformat()}
        self.world.store.put(
            id, {"id": id, "name": id.rpartition("/")[2], "properties": properties, "systemData": stamp, **more}
        )

    def put_code(self, id: str, script: bytes) -> None:
        folder = id.rsplit("/", 3)[1]
        self.world.blobs.put("assets", f"{folder}/score.py", script)
        self.put(id, {"codeUri": f"https://127.0.0.1/assets/{folder}"})

    def put_endpoint(self, auth_mode: str = "Key", **properties: Any) -> None:
        identity = {"type": "SystemAssigned", "principalId": self.identity}
        self.put(ENDPOINT, {"authMode": auth_mode, "traffic": {"blue": 100}, **properties}, identity=identity)
        self.world.store.put_secrets(ENDPOINT, {"primaryKey": "first-key", "secondaryKey": "second-key"})

    def put_deployment(self, id: str = BLUE, *, count: int = 1, **properties: Any) -> str:
        defaults = {
            "environmentId": ENVIRONMENT,
            "codeConfiguration": {"codeId": SCRIPT_CODE, "scoringScript": "score.py"},
            "environmentVariables": {"NAME": id.rpartition("/")[2]},
            "requestSettings": {"requestTimeout": "PT60S", "maxConcurrentRequestsPerInstance": 100},
            "livenessProbe": FAST_PROBE,
            "readinessProbe": FAST_PROBE,
        }
        self.put(id, defaults | properties, sku={"name": "Default", "capacity": count})
        return id

    def put_connection(self, name: str = "HuggingFaceTokenConnection", **credentials: str) -> None:
        id = f"{WORKSPACE}/connections/{name}"
        self.put(id, {"category": "CustomKeys", "target": "_", "metadata": {"team": "blue"}, "credentials": None})
        self.world.store.put_secrets(id, {"keys": credentials})

    def allow_secrets(self) -> None:
        self.world.authorization.assign(self.identity, SECRETS_READER, WORKSPACE)


def make_world(state: Path) -> World:
    paths = StatePaths(state)
    paths.prepare()
    urls = Urls("https://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3/msi/token", "http://127.0.0.1:4")
    return World.create(paths, Store(paths.database), urls)


@pytest.fixture(scope="session")
def used_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an emulator that has run: its token key takes a second to make."""
    world = make_world(tmp_path_factory.mktemp("used"))
    world.store.close()
    return world.paths.database


@pytest.fixture
def bare_world(tmp_path: Path, used_database: Path) -> Iterator[World]:
    """A world in which nothing runs yet."""
    StatePaths(tmp_path / "state").prepare()
    shutil.copy(used_database, tmp_path / "state")
    world = make_world(tmp_path / "state")
    yield world
    world.store.close()


@pytest.fixture
async def world(bare_world: World) -> AsyncIterator[World]:
    host = ProcessHost(bare_world)
    bare_world.host = host
    bare_world.front_ends = FrontEndServers(bare_world, host)
    yield bare_world
    await bare_world.front_ends.close_all()
    await bare_world.host.close()


@pytest.fixture
def workspace(world: World) -> Workspace:
    return Workspace(world)


@pytest.fixture
def workspace_of() -> type[Workspace]:
    """For tests in which nothing runs: makes a workspace in a world."""
    return Workspace


@pytest.fixture
async def client(world: World, workspace: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the endpoint's front end that knows its key."""
    url = await world.front_ends.open(ENDPOINT)
    headers = {"Authorization": "Bearer first-key"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
async def running(world: World, workspace: Any, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The client of an endpoint whose deployment blue runs."""
    await world.host.start(workspace.put_deployment())
    return client
