"""The repository says one thing in one place."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def version(repository: Path) -> str:
    return str(tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"])


def test_the_changelog_begins_with_this_version(repository: Path, version: str) -> None:
    headings = re.findall(r"^## (\S+)", (repository / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == version


def test_the_lock_holds_every_dependency_and_none_that_breaks_torch(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = [
        *project["project"]["dependencies"],
        *extras["serve-cpu"],
        *extras["demo"],
        *extras["redis"],
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[<>=\[ ]", requirement)[0].lower() for requirement in wanted}
    locked = {
        line.split("==")[0] for line in (repository / "requirements.lock").read_text().splitlines() if "==" in line
    }
    assert names - locked == set()
    assert locked & {"torchvision", "torchaudio", "torchcodec"} == set()


def test_the_rules_of_the_tree_hold(repository: Path) -> None:
    result = subprocess.run(
        [sys.executable, "scripts/rules.py"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_readme_names_only_paths_that_exist(repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", readme)
    tabled = re.findall(r"^\| `([\w/]+/)` \|", readme, flags=re.MULTILINE)
    assert [path for path in linked + tabled if not (repository / path).exists()] == []
