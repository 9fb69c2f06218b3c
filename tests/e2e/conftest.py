"""A machine of its own for the whole way: an emulator in a fresh state folder and the real `gatelift` command."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.machine import Machine

OF_THE_DEVELOPER = ("HF_", "AZURE_", "IDENTITY_")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_DEVELOPER)}
    machine = Machine(folder, {**inherited, "GATELIFT_EMULATOR_STATE": str(folder / "state")})
    yield machine
    machine.run("emulator", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def token(machine: Machine) -> str:
    machine.run("emulator", "start")
    return machine.run("emulator", "token").stdout.strip()
