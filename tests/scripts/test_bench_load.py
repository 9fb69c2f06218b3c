"""`scripts/bench load` measures the load generator of `gatelift bench` with a server of its own."""

import subprocess
import sys
from pathlib import Path


def test_a_row_for_each_number_of_streams(repository: Path) -> None:
    command = [sys.executable, "scripts/benches/load.py", "--streams", "1,3", "--tokens", "4", "--step", "1"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    head, *rows = done.stdout.splitlines()
    assert head.split()[0] == "streams"
    assert [(row.split()[0], row.split()[-1]) for row in rows] == [("1", "0"), ("3", "0")]  # none failed
