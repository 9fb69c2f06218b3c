"""Another project's tests use the emulator with one line in their conftest.py."""

import subprocess
import sys
from pathlib import Path

CONFTEST = 'pytest_plugins = ["infra.emulator.testing"]\n'
TEST = """
from pathlib import Path
import httpx

def test_the_emulator_answers(azure_ml_emulator):
    assert Path(azure_ml_emulator.ca_bundle).is_file()
    answer = httpx.get(azure_ml_emulator.portal, headers={"Accept": "application/json"})
    assert "faults" in answer.json()
"""


def test_a_project_imports_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_other.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, "-p", "no:cacheprovider", tmp_path]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
