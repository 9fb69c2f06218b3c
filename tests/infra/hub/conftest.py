"""Hubs that say what a test tells them to."""

from collections.abc import Iterator

import pytest

from tests.infra.hub.told import ToldHub, told_hub


@pytest.fixture
def told() -> Iterator[ToldHub]:
    with told_hub() as hub:
        yield hub


@pytest.fixture
def elsewhere() -> Iterator[ToldHub]:
    """Another host."""
    with told_hub() as hub:
        yield hub
