"""What tests of the scoring server share; the servers themselves are in `served`."""

from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.scoring import official_documents, processes, redis_process

LOG_LINES = 40  # of each process, under the report of a test that failed


def pytest_runtest_setup() -> None:
    """Forget the processes that had ended before this test."""
    processes.Process.started[:] = [one for one in processes.Process.started if not one.ended]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the processes said that the test may have talked to."""
    report = yield
    if call.excinfo is not None and report.failed:
        for one in processes.Process.started:
            report.sections.append((one.title, "".join(one.lines[-LOG_LINES:])))
    return report


@pytest.fixture(scope="session")
def scoring_processes() -> ModuleType:
    """The helpers that start scoring processes."""
    return processes


@pytest.fixture(scope="session")
def documents(repository: Path) -> official_documents.Documents:
    """The official documents that are shared beside the project."""
    specs = repository.parent / "shared" / "specs"
    if not specs.is_dir():
        pytest.skip(f"no official documents in {specs}")
    return official_documents.read_documents(specs)


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on."""
    return int(redis_process.find_free_port())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis_process.RedisServer]:
    """A real Redis server; it stays up for the whole session."""
    with redis_process.running_redis() as server:
        yield server
