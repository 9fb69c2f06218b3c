"""How many connections a process may have."""

import subprocess
import sys

import pytest

from infra.load.files import BESIDE

ASK = """
import resource, sys
from infra.errors import GateliftError
from infra.load.files import allow_connections
soft, hard, wanted, needed = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    allow_connections(wanted, needed)
except GateliftError as error:
    print(error.code)
else:
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "needed", "printed"),
    [
        pytest.param(200, 900, 400, 400, str(400 + BESIDE), id="raised"),
        pytest.param(500, 900, 400, 400, "500", id="enough"),
        pytest.param(200, 300, 400, 400, "too_few_files", id="not-allowed"),
        pytest.param(200, 300, 400, 0, "300", id="as-far-as-possible"),
    ],
)
def test_limits(soft: int, hard: int, wanted: int, needed: int, printed: str) -> None:
    command = [sys.executable, "-c", ASK, str(soft), str(hard), str(wanted), str(needed)]
    assert subprocess.check_output(command, text=True).strip() == printed
