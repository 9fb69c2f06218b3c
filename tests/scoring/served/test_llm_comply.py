"""The compliance tests of others, unchanged: `llm-comply` holds chats and responses against their documents."""

import pytest

from tests.scoring.compliance import CHAT, RESPONSES, comply
from tests.scoring.processes import ScoringServer


@pytest.mark.parametrize(
    ("form", "tests"), [pytest.param(CHAT, 9, id="chat"), pytest.param(RESPONSES, 13, id="open-responses")]
)
def test_every_compliance_test_passes(scripted_server: ScoringServer, told: list[str], form: str, tests: int) -> None:
    found = comply(f"{scripted_server.base_url}/v1", form)
    assert {test: wrong for test, wrong in found.items() if wrong} == {}
    assert len(found) == tests
    told.append(f"llm-comply: {tests} of {tests} tests of {form} passed")
