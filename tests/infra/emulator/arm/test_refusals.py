"""The emulator refuses what Azure refuses: each row of `refusals.py`, and the page that lists them.

`python -m tests.infra.emulator.arm.test_refusals` writes that page, docs/emulator-refusals.md, from the rows and from
the facts of tests/contract/facts.yaml.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.facts import NEVER, Fact, facts, linked
from tests.infra.emulator.arm.refusal_stage import Stage
from tests.infra.emulator.arm.refusals import ROWS, Row

PAGE = "docs/emulator-refusals.md"
THIS_TEST = "tests/infra/emulator/arm/test_refusals.py::test_refused"
FROM_MEMORY = Fact(fact="", source="not documented, from memory", last_seen_live=NEVER)


@pytest.fixture(scope="module")
def stage(emulator: Any, connect: Any, arm_class: Any, bodies: Any) -> Iterator[Stage]:
    with connect(emulator) as client:
        clients: list[httpx.Client] = []

        def arm_as(token: str) -> Any:
            clients.append(connect(emulator, token))
            return arm_class(clients[-1])

        stage = Stage(emulator, arm_class(client), bodies, arm_as)
        yield stage
        for id in (stage.endpoint, f"{stage.arm.annex}/onlineEndpoints/rows-quota", f"{stage.lab}/connections/Rows"):
            stage.arm.done("DELETE", id)
        for other in clients:
            other.close()


def id_of(row: Row) -> str:
    return row.name.replace(" ", "-")


@pytest.mark.parametrize("row", ROWS, ids=id_of)
def test_refused(stage: Stage, row: Row) -> None:
    answer = row.ask(stage)
    status, error = (answer.status_code, answer.json()["error"]) if isinstance(answer, httpx.Response) else (
        "operation", answer)  # fmt: skip
    assert (status, error["code"]) == (row.status, row.code), error
    said = [error["message"], *(detail["message"] for detail in error.get("details") or [])]
    assert row.words in " ".join(said)


def page() -> str:
    """The page of the documentation that lists the rows, and what else the emulator does because Azure does it."""
    by_test = {fact.emulator: fact for fact in facts()}
    ours = {f"{THIS_TEST}[{id_of(row)}]" for row in ROWS}
    others = [fact for test, fact in by_test.items() if test and test not in ours]
    return "\n".join(
        [
            "# What the emulator refuses",
            "",
            "With Azure's status and code. `operation` means that the request is accepted and its long-running",
            "operation fails. Messages are Azure's own where Microsoft documents them; "
            "`BadRequest` has them in `details`.",
            "A test sends a request for each row. This page is generated from the tests and from "
            "`tests/contract/facts.yaml`, which names for each",
            "fact its source and when a subscription was last seen doing it ([the live check](live-check.md)).",
            "",
            "| what | status | code | part of the message | source | last seen live |",
            "| --- | --- | --- | --- | --- | --- |",
            *(_refusal(row, by_test.get(f"{THIS_TEST}[{id_of(row)}]", FROM_MEMORY)) for row in ROWS),
            "",
            "# What else it does as Azure does",
            "",
            "| what | source | last seen live | test |",
            "| --- | --- | --- | --- |",
            *(f"| {fact.fact} | {fact.source} | {fact.last_seen_live} | {linked(fact.emulator)} |" for fact in others),
            "",
        ]
    )


def _refusal(row: Row, fact: Fact) -> str:
    said = (row.name, str(row.status), f"`{row.code}`", row.words, fact.source, fact.last_seen_live)
    return f"| {' | '.join(said)} |"


def test_each_fact_about_a_refusal_names_a_row() -> None:
    ours = {f"{THIS_TEST}[{id_of(row)}]" for row in ROWS}
    named = {fact.emulator for fact in facts() if fact.emulator.startswith(f"{THIS_TEST}[")}
    assert not named - ours


def test_the_documentation_lists_them(repository: Path) -> None:
    assert (repository / PAGE).read_text() == page(), "python -m tests.infra.emulator.arm.test_refusals"


if __name__ == "__main__":
    Path(PAGE).write_text(page())
