"""A real emulator: its own process, a state folder of its own, a small seed."""

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from tests.infra.emulator.control_plane import (  # noqa: F401  fixtures
    all_documents,
    answers,
    arm,
    arm_as,
    arm_class,
    arm_of,
    bodies,
    documents,
    ml,
    ml_client,
    sdk_environment,
    without_output,
)
from tests.infra.emulator.worlds import (  # noqa: F401  fixtures
    anyio_backend,
    bare_world,
    client,
    running,
    used_database,
    workspace,
    workspace_of,
    world,
)

SEED: dict[str, Any] = {
    "workspaces": [
        {
            "subscription_id": "00000000-0000-0000-0000-00000000aaaa",
            "resource_group": "ml",
            "name": "lab",
            "location": "eastus",
        },
        {
            "subscription_id": "00000000-0000-0000-0000-00000000aaaa",
            "resource_group": "ml",
            "name": "annex",
            "location": "westus",
        },
    ],
    "quota": {"westus": {"standardNCADSA100v4Family": 48, "standardDSv2Family": 6}},
    "registries": [
        {
            "subscription_id": "00000000-0000-0000-0000-00000000aaaa",
            "resource_group": "ml",
            "name": "catalog",
            "location": "eastus",
        }
    ],
}
START = Callable[..., EmulatorProfile]


@pytest.fixture(scope="session")
def seed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small seed, as a file."""
    path = tmp_path_factory.mktemp("seed") / "seed.json"
    path.write_text(json.dumps(SEED))
    return path


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory, seed_file: Path) -> Iterator[EmulatorProfile]:
    """One emulator for all tests that leave it as it was, or use names of their own."""
    state = tmp_path_factory.mktemp("emulator")
    yield launcher.start(state, seed=seed_file)
    launcher.stop(state)


@pytest.fixture
def start_emulator(tmp_path: Path, seed_file: Path) -> Iterator[START]:
    """Starts emulators for one test alone, below its temporary folder, and ends them."""
    started: list[Path] = []

    def start(name: str = "state", **options: Any) -> EmulatorProfile:
        started.append(tmp_path / name)
        return launcher.start(tmp_path / name, **{"seed": seed_file, **options})

    yield start
    for state in started:
        launcher.stop(state)


@pytest.fixture(scope="session")
def connect() -> Callable[..., httpx.Client]:
    """Makes HTTP clients of an emulator: without `token` they act as the owner."""

    def make(profile: EmulatorProfile, token: str | None = None) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=profile.ca_bundle)
        return httpx.Client(
            base_url=profile.resource_manager,
            verify=trusted,
            timeout=30,
            trust_env=False,
            headers={"Authorization": f"Bearer {token or owner_token(profile)}"},
        )

    return make


def owner_token(profile: EmulatorProfile, resource: str = "https://management.azure.com") -> str:
    """A token of the subscription's owner."""
    answer = httpx.get(
        profile.identity_endpoint,
        params={"api-version": "2019-08-01", "resource": resource},
        headers={"X-IDENTITY-HEADER": "x"},
        trust_env=False,
    )
    return str(answer.raise_for_status().json()["access_token"])
