"""Checks rules about imports and sizes that no linter knows: `scripts/rules.py [ROOT]` prints one line for each breach.

These count as imports: `import`, `from … import`, `import_module("…")`, and every string that is the dotted name of a
module of this repository or of a package in `HOMES`; also inside functions and under TYPE_CHECKING.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from import_tree import Tree, called

LONGEST_FILE = 300  # lines
MOST_FILES = 16  # Python files in a folder, `__init__.py` not counted
MOST_PARAMETERS = 5  # of a function, `self` and `cls` not counted

# From top to bottom: a file imports only from its own place and from places below it. A place is a file or the files of
# a folder; a subfolder may be a place of its own.
PLACES = (
    "tests",
    "scripts",
    "infra/cli",
    "infra/cli/capacity",
    "infra/cli/commands",
    "infra/cli/groups",
    "infra/cli/emulator",
    "infra/cli/reports",
    "infra/cli/views",
    "infra/cli/input",
    "infra/cli/terminal",
    "infra/operations/doctor",
    "infra/operations/capacity",
    "infra/operations/hub",
    "infra/operations",
    "infra/operations/rollout",
    "infra/planning/costs",
    "infra/planning/removal",
    "infra/planning",
    "infra/planning/sources",
    "infra/resources/weights",
    "infra/resources/scaling",
    "infra/resources/canary/moves.py",
    "infra/resources/canary/shares.py",
    "infra/resources/traffic.py",
    "infra/resources/canary",
    "infra/resources",
    "infra/azure/target.py",
    "infra/azure/prices",
    "infra/azure/storage/assets.py",
    "infra/azure/storage/transfer",
    "infra/azure/storage",
    "infra/azure",
    "infra/azure/locks",
    "infra/azure/diagnosis",
    "infra/emulator/testing.py",
    "infra/emulator/launcher.py",
    "infra/emulator/__main__.py",
    "infra/emulator/server.py",
    "infra/emulator/https_router.py",
    "infra/emulator/portal.py",
    "infra/emulator/restart.py",
    "infra/emulator/seed",
    "infra/emulator/arm/routes.py",
    "infra/emulator/arm/app.py",
    "infra/emulator/arm/deployments",
    "infra/emulator/arm/endpoints",
    "infra/emulator/arm/vaults.py",
    "infra/emulator/arm/assets",
    "infra/emulator/arm/container_registries",
    "infra/emulator/arm/quota",
    "infra/emulator/arm/request",
    "infra/emulator/arm",
    "infra/emulator/monitor",
    "infra/emulator/frontend",
    "infra/emulator/host",
    "infra/emulator/world.py",
    "infra/emulator/monitor/recorder.py",
    "infra/emulator/monitor/clock.py",
    "infra/emulator/operations.py",
    "infra/emulator/prices",
    "infra/emulator/hub/app.py",
    "infra/emulator/hub/upstream",
    "infra/emulator/hub",
    "infra/emulator/key_vault.py",
    "infra/emulator/storage",
    "infra/emulator/identity",
    "infra/emulator/gateway",
    "infra/emulator/state",
    "infra/emulator",
    "infra/load",
    "infra/sizing",
    "infra/sizing/architecture",
    "infra/machine",
    "infra/hub",
    "infra/spec",
    "infra/spec/schedule",
    "infra",
    "scoring/__main__.py",
    "scoring/score.py",
    "scoring/process",
    "scoring/web/api",
    "scoring/responses/surface.py",
    "scoring/responses/endpoints",
    "scoring/responses",
    "scoring/responses/store",
    "scoring/web",
    "scoring/web/relay",
    "scoring/contracts",
    "scoring/contracts/model_inference",
    "scoring/contracts/embeddings.py",
    "scoring/responses/prompt",
    "scoring/responses/request",
    "scoring/responses/mcp",
    "scoring/responses/events",
    "scoring/responses/tools",
    "scoring/engine",
    "scoring/engine/fronts",
    "scoring/engine/repairs",
    "scoring/engine/repairs/hermes",
    "scoring/engine/versions.py",
    "scoring/weights",
    "scoring/checks",
    "scoring/settings",
    "scoring",
)
# The only places that may import a package or anything below it.
HOMES = {
    "azure.ai.ml": (),  # importing it takes seconds; the tests use it as people do
    "azure.core": ("infra/azure/storage/blob_errors.py", "infra/azure/login.py"),
    "azure.identity": ("infra/azure/login.py",),
    "azure.mgmt": (),  # infra/azure/arm.py sends requests to Resource Manager directly
    "azure.storage": ("infra/azure/storage/uploads.py", "infra/azure/storage/transfer/service.py"),
    "click": ("infra/cli",),
    "fastapi": ("scoring/web/api",),  # slow to import: not before we listen
    "huggingface_hub": ("scoring/weights",),
    "mcp": ("scoring/responses/mcp",),
    "pydantic": ("infra/emulator", "scoring"),  # its import takes longer than most commands
    "torch": ("infra/hub/demo_weights.py", "scoring/engine"),
    "vllm": ("scoring/engine",),
}
# Places that import from this repository only their own files and these.
ONLY = {
    "infra": (),  # it handles `scoring` as files
    "scoring": (),  # the container has no other file of this repository
    # Usable without the rest of infra: the demo models need the paths themselves.
    "infra/emulator": ("infra/errors.py", "infra/paths.py", "infra/addresses.py", "infra/hub/demo_models.py"),
}
MORE_PARAMETERS = {
    "infra/errors.py:GateliftError.__init__": "an error names everything that a person may need",
    "scoring/problems.py:Problem.__init__": "an error names everything that a client may need",
    "scoring/process/background_server.py:BackgroundServer.call": "a whole HTTP request",
    "scripts/benches/emulator.py:large_state": "one measurement with its sizes",
}
COMMAND = "command"  # a function with this decorator has a parameter for each of its options


def place_of(where: str) -> str:
    """The place of a file: the file itself or the nearest folder above it in `PLACES`."""
    while where and where not in PLACES:
        where = where.rpartition("/")[0]
    return where


def within(where: str, places: tuple[str, ...]) -> bool:
    """Whether a file is one of these places or in one of them."""
    return any(where == place or where.startswith(f"{place}/") for place in places)


def upward_imports(tree: Tree) -> Iterator[str]:
    """Imports from a place above the file's own, or from one that `ONLY` does not allow."""
    for where in tree.parsed:
        place = place_of(where)
        for line, other in tree.own(where):
            above = place_of(other)
            if PLACES.index(above) < PLACES.index(place):
                yield f"{where}:{line}: imports {other}, but {place} is below {above} in scripts/rules.py"
            for limited, allowed in ONLY.items():
                if within(where, (limited,)) and not within(other, (limited, *allowed)):
                    at_most = ", ".join(allowed) or "itself"
                    yield f"{where}:{line}: {limited} may import from this repository only {at_most}, not {other}"


def without_a_place(tree: Tree) -> Iterator[str]:
    """Folders that are not in `PLACES`."""
    for folder in sorted({where.rpartition("/")[0] for where in tree.parsed}):
        if within(folder, ("infra", "scoring")) and folder not in PLACES:
            yield f"{folder}: is not in scripts/rules.py: add it to PLACES above what it imports"


def is_package(where: str) -> bool:
    """Whether a file is a package's `__init__.py`, which is imported with every module of the package."""
    return where.endswith("/__init__.py")


def circles(tree: Tree) -> Iterator[str]:
    """Files that import each other, directly or through others; each circle once."""
    edges = {where: sorted({other for _, other in tree.own(where)}) for where in tree.parsed}
    done: set[str] = set()

    def walk(where: str, path: list[str]) -> Iterator[str]:
        if where in path:
            yield "a circle: " + " -> ".join([*path[path.index(where) :], where])
        elif where not in done:
            for other in edges[where]:
                yield from walk(other, [*path, where])
            done.add(where)

    for where in edges:
        yield from walk(where, [])


def homeless_imports(tree: Tree) -> Iterator[str]:
    """Imports of a package outside its places in `HOMES`."""
    for where, found in tree.imports.items():
        if not within(where, ("infra", "scoring")):
            continue
        for line, name in found:
            for package, homes in HOMES.items():
                if (name == package or name.startswith(f"{package}.")) and not within(where, homes):
                    yield f"{where}:{line}: {package} is imported only in {', '.join(homes) or 'no file'}"


def too_large(tree: Tree) -> Iterator[str]:
    """Files, folders and functions above their limits."""
    folders: dict[str, int] = {}
    for path in tree.files:
        length, where = len(path.read_text().splitlines()), tree.where(path)
        if length > LONGEST_FILE:
            yield f"{where}: {length} lines, more than {LONGEST_FILE}: split it"
        if not is_package(where):
            folder = where.rpartition("/")[0]
            folders[folder] = folders.get(folder, 0) + 1
    for folder, count in folders.items():
        if count > MOST_FILES:
            yield f"{folder}: {count} Python files, more than {MOST_FILES}: split it"
    for where, node in tree.parsed.items():
        if not where.startswith("tests/"):  # parameters of tests are fixtures
            yield from long_signatures(where, node, "")


def long_signatures(where: str, parent: ast.AST, prefix: str) -> Iterator[str]:
    """Functions with too many parameters."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield from long_signatures(where, node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            count = sum(argument.arg not in ("self", "cls") for argument in arguments)
            decorators = {called(one) for one in node.decorator_list if isinstance(one, ast.Call)}
            name = f"{where}:{prefix}{node.name}"
            if (
                count > MOST_PARAMETERS
                and name not in MORE_PARAMETERS
                and not (COMMAND in decorators and within(where, ("infra/cli",)))
            ):
                yield f"{where}:{node.lineno}: {node.name} has {count} parameters, more than {MOST_PARAMETERS}"
            yield from long_signatures(where, node, f"{prefix}{node.name}.")
        else:
            yield from long_signatures(where, node, prefix)


def main(arguments: list[str]) -> int:
    """Print every breach of a rule; return 1 if there is one."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[1]
    tree = Tree(root, sorted({place.partition("/")[0] for place in PLACES}))
    found = [
        complaint
        for rule in (without_a_place, upward_imports, circles, homeless_imports, too_large)
        for complaint in rule(tree)
    ]
    for complaint in found:
        print(complaint)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
