"""What tests of stored responses share."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "redis"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store that several instances share, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/responses.db"
    else:
        redis = request.getfixturevalue("redis_server")
        redis.empty()
        yield redis.url
