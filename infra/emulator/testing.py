"""Pytest fixtures for other projects: `pytest_plugins = ["infra.emulator.testing"]` in their conftest.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile


@pytest.fixture(scope="session")
def azure_ml_emulator_seed() -> Path | None:
    """The seed file of `azure_ml_emulator`; override it to start with workspaces, quota and models of your own."""
    return None


@pytest.fixture(scope="session")
def azure_ml_emulator(
    tmp_path_factory: pytest.TempPathFactory, azure_ml_emulator_seed: Path | None
) -> Iterator[EmulatorProfile]:
    """An emulator of this test session alone, on free ports; it stops with the session."""
    state = tmp_path_factory.mktemp("azure-ml-emulator")
    yield launcher.start(state, seed=azure_ml_emulator_seed)
    launcher.stop(state)
