"""What is set for the whole serving process."""

import subprocess
import sys

import pytest

from tests.scoring.processes import ROOT

LIMITS = """
import resource
from scoring.engine.tuning import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
raise_file_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "left"),
    [
        pytest.param(256, 4096, "4096 4096", id="raised-as-far-as-it-goes"),
        pytest.param(4096, 4096, "4096 4096", id="as-high-as-it-can-be"),
    ],
)
def test_file_limit(soft: int, hard: int, left: str) -> None:
    code = LIMITS.format(soft=soft, hard=hard)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == left
