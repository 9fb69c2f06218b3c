"""The facts about Azure are whole: each has a source, tests that exist, and a date or `never`."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from tests.contract import live_check
from tests.contract.facts import FACTS, Fact, exists, facts, mistakes, risks, seen

ROWS = {risk.row for risk in risks()}
GOOD = Fact(
    fact="water is wet", source="everybody", last_seen_live="never", gatelift="tests/contract/test_facts.py::test_facts"
)


def test_facts() -> None:
    found = [f"{fact.fact}: {mistake}" for fact in facts() for mistake in mistakes(fact, ROWS)]
    assert not found, "\n".join(found)


def test_each_fact_is_there_once() -> None:
    said = [fact.fact for fact in facts()]
    assert sorted(said) == sorted(set(said))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"source": " "}, "must say something", id="no-source"),
        pytest.param({"last_seen_live": "yesterday"}, "neither `never` nor a date", id="no-date"),
        pytest.param({"last_seen_live": "2999-01-01"}, "in the future", id="future"),
        pytest.param({"risk": "99"}, "no row of risks.yaml", id="no-such-risk"),
        pytest.param({"gatelift": ""}, "no test", id="no-test"),
        pytest.param({"emulator": "tests/contract/test_facts.py::test_nothing"}, "there is no test", id="no-such-test"),
        pytest.param({"emulator": "tests/none.py::test_facts"}, "there is no test", id="no-such-file"),
        pytest.param({"live": "tests/test_repository.py::test_x"}, "only tests/contract does", id="not-live"),
    ],
)
def test_mistakes_in_a_fact(change: dict[str, str], words: str) -> None:
    assert not list(mistakes(GOOD, ROWS))
    assert words in " ".join(mistakes(msgspec.structs.replace(GOOD, **change), ROWS))


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="last_seen"):
        msgspec.convert({"fact": "x", "source": "y", "last_seen": "never"}, Fact)


def test_a_test_id_may_have_parameters() -> None:
    assert exists("tests/contract/test_facts.py::test_mistakes_in_a_fact[no-source]")


def test_what_was_seen_gets_the_date_and_nothing_else_changes() -> None:
    text = FACTS.read_text(encoding="utf-8")
    live = {fact.live for fact in facts() if fact.live}
    dated = seen(text, live, date(2026, 11, 30))
    changed = [(a, b) for a, b in zip(text.splitlines(), dated.splitlines(), strict=True) if a != b]
    assert changed
    assert {b.strip() for _, b in changed} == {"last_seen_live: 2026-11-30"}
    assert seen(text, set(), date(2026, 11, 30)) == text


def test_what_a_probe_found_is_kept_until_it_finds_something_else(tmp_path: Path) -> None:
    file = tmp_path / "seen.yaml"
    file.write_text("# what was seen\n{}\n")
    live_check.record({"test_driver": "535.216: old", "test_disks": "/ 128 GiB"}, date(2026, 11, 30), file)
    live_check.record({"test_driver": "580.95"}, date(2026, 12, 1), file)
    seen_now = {test: (sighting.seen, sighting.found) for test, sighting in live_check.sightings(file).items()}
    assert seen_now == {"test_driver": ("2026-12-01", "580.95"), "test_disks": ("2026-11-30", "/ 128 GiB")}
    assert file.read_text().startswith("# what was seen\n")
