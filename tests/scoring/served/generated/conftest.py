"""The model that generated requests go to."""

from typing import Any

import httpx
import pytest

from tests.scoring.compliance import MODEL
from tests.scoring.served.generated.asking import Server


@pytest.fixture(scope="session")
def scripted(scripted_server: Any) -> Server:
    """The tiny model that always says the same, or what a grammar wants, and is quick at it."""
    return Server(httpx.Client(base_url=scripted_server.base_url, timeout=120), MODEL)
