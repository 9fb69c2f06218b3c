"""What every test may use: the weights of the demo models, prepared once by scripts/setup; what is told at the end."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infra.hub.demo_models import RANDOM_REASONING, SMOLLM2, DemoModel

ROOT = Path(__file__).resolve().parents[1]
SHARING = "tests/scoring/served/"  # whose tests share servers that fit into memory once
# What takes longest, which workers begin with: at the end the others would have nothing left to do beside it.
LONGEST = (
    SHARING,
    "tests/e2e/",
    "tests/infra/matrices/",
    "tests/scoring/test_endurance",
    "tests/scoring/process/test_azmlinfsrv",
)
# Every emulator that a test starts answers lists two items at a time, so that a client that ignores nextLink fails.
os.environ["GATELIFT_EMULATOR_SETTINGS"] = '{"list_page_size": 2, "hub_page_size": 2}'
# Most containers of these tests are no vLLM, and those that are start when others have ended: nobody weighs them.
os.environ["GATELIFT_MEMORY_GB"] = "1000"
TOLD = pytest.StashKey[list[str]]()
CHECKED = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with what takes longest; who runs the tests alone gets quick ones first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next((n for n, path in enumerate(LONGEST) if item.nodeid.startswith(path)), 99))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one worker, and the files that share servers to the same."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return SHARING if nodeid.startswith(SHARING) else str(super()._split_scope(nodeid))

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def told(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are printed at the end of the run."""
    return pytestconfig.stash.setdefault(TOLD, [])


@pytest.fixture(scope="session")
def checked(pytestconfig: pytest.Config) -> Counter[str]:
    """How much was held against the official documents: printed at the end of the run."""
    return pytestconfig.stash.setdefault(CHECKED, Counter())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Give what a worker tells to who prints it."""
    if hasattr(session.config, "workeroutput"):
        stash = session.config.stash
        session.config.workeroutput["told"] = (stash.get(TOLD, []), dict(stash.get(CHECKED, Counter())))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker tells that has ended."""
    lines, counts = getattr(node, "workeroutput", {}).get("told", ([], {}))
    node.config.stash.setdefault(TOLD, []).extend(lines)
    node.config.stash.setdefault(CHECKED, Counter()).update(counts)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what the tests have told, what several workers have told once."""
    for line in dict.fromkeys(config.stash.get(TOLD, [])):
        terminalreporter.write_line(line)
    if counts := config.stash.get(CHECKED, None):
        terminalreporter.write_line(
            f"official API documents: {counts['responses']} responses checked, {counts['responses violations']} "
            f"violations; {counts['requests']} accepted requests checked, {counts['requests violations']} violations"
        )


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
