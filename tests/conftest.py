"""What every test may use: the weights of the demo models, prepared once by scripts/setup."""

import os
from pathlib import Path

import pytest

from infra.demo_models import RANDOM_REASONING, SMOLLM2, DemoModel

ROOT = Path(__file__).resolve().parents[1]


def weights(model: DemoModel) -> Path:
    assert model.is_ready(os.environ), f"no weights of {model.id}: run scripts/setup"
    return model.folder(os.environ)


@pytest.fixture(scope="module", autouse=True)
def no_cloud_of_other_tests(request: pytest.FixtureRequest) -> None:
    """The SDK writes the cloud of its last client into the environment: not for processes of other tests to inherit."""
    if not {"emulator", "contract"} & set(request.path.parts):
        os.environ.pop("AZUREML_CURRENT_CLOUD", None)


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def smollm2_weights() -> Path:
    return weights(SMOLLM2)


@pytest.fixture(scope="session")
def random_reasoning_weights() -> Path:
    return weights(RANDOM_REASONING)
