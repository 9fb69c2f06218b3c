"""Runs a selection of the crash and fault matrices; `scripts/matrix` runs them completely."""

from pathlib import Path

from tests.infra.matrices.__main__ import report_lines
from tests.infra.matrices.lane import QUICK, Share, run_lane
from tests.infra.matrices.table import Row


def test_what_is_cut_off_or_struck_converges(tmp_path: Path, told: list[str]) -> None:
    found = list(run_lane(tmp_path / "lane", Share(quick=True), [name for name, part in QUICK.items() if part]))
    lines, good = report_lines(found, whole=False)
    told += ["a part of the matrices; `scripts/matrix` runs them whole", *lines]
    rows = [value for _, value in found if isinstance(value, Row)]
    expected = {(step, case) for part in QUICK.values() for step, case in part}
    assert {(row.step.partition(": ")[2], row.case) for row in rows} == expected
    assert good, "\n".join(lines)


def test_lanes_share_the_cases_whatever_the_order_in_which_each_has_seen_them() -> None:
    cases = ["a", "b", "c", "d", "e"]
    shares = [Share(number, 2).take("fault matrix", seen, lambda case: (case, "")) for number, seen in
              enumerate([cases, cases[::-1]])]  # fmt: skip
    assert sorted(case for share in shares for case in share) == cases


def test_a_case_that_no_lane_has_run_is_missed() -> None:
    found = [
        ("cases of", ["fault matrix", 2]),
        ("fault matrix", Row("up: a", "hang")),
        ("fault matrix", Row("up: a", "hang")),
    ]
    lines, good = report_lines(found)
    assert (lines[0], good) == ("fault matrix: 1 of 2 cases", False)
