"""A stage before the server on SmolLM2, for agents to speak to."""

from collections.abc import Iterator

import pytest

from tests.scoring.served.agents.stage import Stage, staged


@pytest.fixture(scope="session")
def whole_stage(chat_url: str) -> Iterator[Stage]:
    """The stage, which stays up for the whole session."""
    with staged(chat_url) as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Stage:
    """The stage with an empty script."""
    whole_stage.play()
    return whole_stage
