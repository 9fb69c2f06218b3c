"""The emulator refuses what Azure refuses: each row of `refusals.py`, and the page that lists them.

`python -m tests.infra.emulator.arm.test_refusals` writes that page, docs/emulator-refusals.md.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infra.emulator.arm.refusals import ROWS, Row, Stage

PAGE = "docs/emulator-refusals.md"


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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_refused(stage: Stage, row: Row) -> None:
    answer = row.ask(stage)
    status, error = (answer.status_code, answer.json()["error"]) if isinstance(answer, httpx.Response) else (
        "operation", answer)  # fmt: skip
    assert (status, error["code"]) == (row.status, row.code), error
    said = [error["message"], *(detail["message"] for detail in error.get("details") or [])]
    assert row.words in " ".join(said)


def page() -> str:
    """The page of the documentation that lists the rows."""
    return "\n".join(
        [
            "# What the emulator refuses",
            "",
            "With Azure's status and code. `operation` means that the request is accepted and its long-running",
            "operation fails. Messages are Azure's own where Microsoft documents them; "
            "`BadRequest` has them in `details`.",
            "A test sends a request for each row; this page is generated from it.",
            "",
            "| what | status | code | part of the message |",
            "| --- | --- | --- | --- |",
            *(f"| {row.name} | {row.status} | `{row.code}` | {row.words} |" for row in ROWS),
            "",
        ]
    )


def test_the_documentation_lists_them(repository: Path) -> None:
    assert (repository / PAGE).read_text() == page(), "python -m tests.infra.emulator.arm.test_refusals"


if __name__ == "__main__":
    Path(PAGE).write_text(page())
