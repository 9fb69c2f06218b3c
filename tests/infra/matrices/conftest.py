"""Prints the tables of the matrices at the end of a test run."""

from typing import Any

import pytest

TABLES = pytest.StashKey[list[str]]()


@pytest.fixture
def matrix_tables(request: pytest.FixtureRequest) -> list[str]:
    """Lines to be printed at the end of the run."""
    return request.config.stash.setdefault(TABLES, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print them."""
    for line in config.stash.get(TABLES, []):
        terminalreporter.write_line(line)
