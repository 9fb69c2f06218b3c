"""The folder as Azure gets it: uploaded alone, under any name, its script loaded by path as `entry_module`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LOAD_AS_AZURE_DOES = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("entry_module", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert callable(module.init) and callable(module.run)
loaded = [name for name in sys.modules if name.startswith("scoring")]
print(sys.modules["scoring"].__file__)
assert all(sys.modules[name].__file__.startswith(sys.argv[2]) for name in loaded)
slow = {"vllm", "torch", "transformers", "flask", "fastapi", "pydantic", "scoring.responses.surface"}
heavy = slow & set(sys.modules)
assert not heavy, f"loading the script imports {heavy}"
"""


@pytest.fixture
def code_asset(repository: Path, tmp_path: Path) -> Path:
    """A copy of scoring/ under the name that the platform may give it."""
    folder = tmp_path / "var" / "azureml-app" / "c0ffee"
    shutil.copytree(repository / "scoring", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run_isolated(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python without the checkout on its path."""
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=folder, env={"PATH": "/usr/bin:/bin"}, text=True, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_script_loads_alone(code_asset: Path, tmp_path: Path) -> None:
    result = run_isolated(["-c", LOAD_AS_AZURE_DOES, str(code_asset / "score.py"), str(code_asset)], tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(code_asset / "__init__.py")


def test_script_as_a_program_is_the_server(code_asset: Path, tmp_path: Path) -> None:
    result = run_isolated([str(code_asset / "score.py"), "--help"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: python -m scoring")


def test_no_module_of_the_folder_stands_in_for_another(code_asset: Path, tmp_path: Path) -> None:
    (code_asset / "huggingface_hub.py").write_text("raise SystemExit('shadowed')")
    result = run_isolated(["-c", LOAD_AS_AZURE_DOES, str(code_asset / "score.py"), str(code_asset)], code_asset)
    assert result.returncode == 0, result.stderr


def test_no_import_from_outside_of_the_folder(repository: Path) -> None:
    for source in (repository / "scoring").glob("*.py"):
        assert "infra" not in source.read_text().split(), source.name
