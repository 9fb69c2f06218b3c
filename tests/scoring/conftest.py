"""What tests of the scoring server share; the servers themselves are in `served`."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from scoring.engine.fronts.binary import NoBinary, RustBinary, find_binary
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
def anyio_backend() -> str:
    """What `async` tests run on: the plugin of anyio, which comes with Starlette, runs those that are marked."""
    return "asyncio"


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


@pytest.fixture(scope="session")
def rust_front(told: list[str]) -> RustBinary | NoBinary:
    """The program of vLLM's Rust front end that servers run here, or why there is none: told at the end of the run."""
    found = find_binary(os.environ)
    told.append(
        f"vLLM's Rust front end {found.version} was tested: {found.path}"
        if isinstance(found, RustBinary)
        else f"vLLM's Rust front end was NOT tested: {found.reason}"
    )
    return found


@pytest.fixture(scope="session")
def rust_binary(rust_front: RustBinary | NoBinary) -> RustBinary:
    """The program of vLLM's Rust front end; a test that needs it is skipped where there is none."""
    if isinstance(rust_front, NoBinary):
        pytest.skip(rust_front.reason)
    return rust_front
