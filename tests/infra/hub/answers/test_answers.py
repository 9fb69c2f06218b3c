"""Each answer of the Hub is told by each command in one sentence with a way out, as docs/hub-answers.md has it."""

from pathlib import Path

import pytest

from tests.infra.hub.answers.page import PAGE, Found, page, run_all
from tests.infra.hub.answers.rows import ROWS, TOKENS, Row

SECRETS = (*TOKENS, *(row.token.strip('"') for row in ROWS if row.token), "geheim", "Signature=")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return run_all(tmp_path_factory.mktemp("answers"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_one_sentence_with_a_way_out(found: Found, row: Row) -> None:
    for command, outcome in found[row.name].items():
        assert outcome.says, command
        assert bool(outcome.hint) == (outcome.exit != 0), (command, outcome)
        written = f"{outcome.raw}{outcome.says}{outcome.hint}"
        assert "Traceback" not in written
        assert "unexpected" not in written
        assert not [secret for secret in SECRETS if secret in written], command


def test_the_page_is_current(found: Found) -> None:
    assert page(found) == Path(PAGE).read_text(encoding="utf-8"), "`python -m tests.infra.hub.answers.page` writes it"
