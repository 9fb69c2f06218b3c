"""The repository says one thing in one place."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = (Path(__file__).resolve().parents[1] / "docs").glob("*.md")


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


# What is imported without being a dependency of the package, and who brings it.
BROUGHT_BY_OTHERS = {
    "azureml-inference-server-http": "an image of Azure's that the emulator runs",
    "fastapi": "vLLM",
    "flask": "Azure's inference server",
    "llguidance": "vLLM",
    "prometheus-client": "vLLM",
    "pytest": "whoever uses the emulator's fixture",
    "redis": "the extra of that name",
    "safetensors": "vLLM",
    "torch": "vLLM",
    "transformers": "vLLM",
}
# Distributions that are not called like the package that they install.
OTHER_NAMES = {"pyjwt": "jwt"}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_from_elsewhere(repository: Path) -> set[str]:
    """The dotted names that infra and scoring import from neither themselves nor Python."""
    ours = {"infra", "scoring"} | {path.stem for path in (repository / "scoring").iterdir()}  # scoring is its own root
    files = [*(repository / "infra").rglob("*.py"), *(repository / "scoring").rglob("*.py")]
    names = {name for path in files for name in imported_names(ast.parse(path.read_text()))}
    return {name for name in names if name.partition(".")[0] not in ours | sys.stdlib_module_names}


def imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = {normalized(re.split(r"[<>=\[ ]", requirement)[0]) for requirement in project["dependencies"]}
    packages = {OTHER_NAMES.get(name, name): name for name in declared | set(BROUGHT_BY_OTHERS)}
    imported = set()
    for name in imported_from_elsewhere(repository):
        owners = [owner for package, owner in packages.items() if f"{normalized(name)}-".startswith(f"{package}-")]
        imported.update(owners or [name])
    assert declared - imported == set()
    assert imported - declared == set(BROUGHT_BY_OTHERS)


NAMED_PATH = re.compile(r"(?<![\w-])(?:infra|scoring|scripts|tests|environments|docs|examples)/[\w./*-]*\w")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in DOCS)])
def test_every_path_that_a_page_names_exists(repository: Path, page: str) -> None:
    named = set(NAMED_PATH.findall((repository / page).read_text()))
    assert [path for path in sorted(named) if not any(repository.glob(path))] == []
