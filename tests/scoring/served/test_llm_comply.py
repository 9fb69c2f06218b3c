"""The compliance tests of others, unchanged: `llm-comply` holds chats and responses against their documents."""

import base64
import json
import os
from collections.abc import Iterator

import pytest

from tests.scoring.compliance import CHAT, MODEL, RESPONSES, comply
from tests.scoring.processes import RANDOM_CHAT, ScoringServer, scoring_server
from tests.scripted_model import prepared_scripted


@pytest.fixture(scope="module")
def scripted_server() -> Iterator[ScoringServer]:
    """A ready server whose model sees images, reasons if asked to, and always comes to an end."""
    arguments = {**RANDOM_CHAT, "model": str(prepared_scripted(os.environ)), "served_model_name": MODEL}
    key = base64.b64encode(b"k" * 32).decode()
    with scoring_server(SCORING_ENGINES=json.dumps([arguments]), SCORING_RESPONSES_KEY=key) as server:
        server.wait_until_ready()
        yield server


@pytest.mark.parametrize(
    ("form", "tests"), [pytest.param(CHAT, 9, id="chat"), pytest.param(RESPONSES, 13, id="open-responses")]
)
def test_every_compliance_test_passes(scripted_server: ScoringServer, told: list[str], form: str, tests: int) -> None:
    found = comply(f"{scripted_server.base_url}/v1", form)
    assert {test: wrong for test, wrong in found.items() if wrong} == {}
    assert len(found) == tests
    told.append(f"llm-comply: {tests} of {tests} tests of {form} passed")
