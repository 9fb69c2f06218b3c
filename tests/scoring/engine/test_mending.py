"""Each repair of vLLM is documented, with the versions that get it and the test that fails without it."""

import re
from pathlib import Path

from scoring.engine.versions import RELEASES

REPOSITORY = Path(__file__).resolve().parents[3]
LINE = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| `([^`]+)` \|$", re.MULTILINE)


def test_each_repair_has_a_line_and_a_test() -> None:
    section = (
        (REPOSITORY / "docs/scoring.md").read_text().partition("## What is mended in vLLM")[2].partition("\n## ")[0]
    )
    documented = {name: versions for name, versions, _ in LINE.findall(section)}
    repairs = {name for release in RELEASES for name in release.repairs}
    assert documented == {
        name: ", ".join(release.minor for release in RELEASES if name in release.repairs) for name in repairs
    }
    assert all((REPOSITORY / "tests/scoring" / test).is_file() for _, _, test in LINE.findall(section))
