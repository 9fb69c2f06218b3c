"""The rules of the tree that no linter knows: who may import whom, one home per vendor SDK, file length."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FILE = 300
# The only files that may import a package; a name stands for itself and everything below it.
HOMES = {
    "azure.ai.ml": {"infra/azure/sdk.py"},
    "azure.core": {"infra/azure/sdk_transport.py", "infra/azure/sdk.py", "infra/azure/login.py"},
    "azure.identity": {"infra/azure/login.py"},
    "azure.mgmt": set(),  # Resource Manager is asked directly, see infra/azure/session.py
    "azure.storage": {"infra/azure/uploads.py"},
    "click": {"infra/cli"},
    "huggingface_hub": {"infra/hub/access.py", "scoring/weights.py"},
    "vllm": {"scoring/vllm_engine.py"},
}
# A folder's files must not import these.
FORBIDDEN = {
    "scoring": ("infra", "azure", "tests"),
    "infra": ("scoring", "tests", "vllm", "torch"),
    "infra/cli": ("pydantic",),  # its import takes longer than most commands
    "infra/emulator": ("azure", "huggingface_hub", "infra.cli", "infra.resources"),
    "infra/resources": ("azure", "infra.azure.arm", "infra.azure.sdk", "infra.planning.apply", "infra.cli"),
}
HEAVY_BY_DESIGN = {"infra/hub/demo_weights.py"}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Each import of a file: line number and full dotted name."""
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def allowed(where: str, homes: set[str]) -> bool:
    return any(where == home or where.startswith(f"{home}/") for home in homes)


def complaints() -> Iterator[str]:
    """One line for each broken rule."""
    files = [path for folder in ("scoring", "infra") for path in sorted((ROOT / folder).rglob("*.py"))]
    for path in files:
        where = path.relative_to(ROOT).as_posix()
        for line, name in imports(path):
            for package, homes in HOMES.items():
                if within(name, package) and not allowed(where, homes):
                    yield f"{where}:{line}: {package} is imported only in {', '.join(sorted(homes))}"
            for folder, packages in FORBIDDEN.items():
                if not where.startswith(f"{folder}/") or where in HEAVY_BY_DESIGN:
                    continue
                for package in packages:
                    if within(name, package):
                        yield f"{where}:{line}: {folder} must not import {package}"
    for folder in ("scoring", "infra", "tests", "scripts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            length = len(path.read_text().splitlines())
            if length > LONGEST_FILE:
                yield f"{path.relative_to(ROOT)}: {length} lines, more than {LONGEST_FILE}: it is two things"


def main() -> int:
    found = list(complaints())
    for complaint in found:
        print(complaint)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
