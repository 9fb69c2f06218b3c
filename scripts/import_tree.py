"""What each Python file of a checkout imports, also where that hides: for `scripts/rules.py`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOTTED = re.compile(
    r"[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)+(\.|:\w+)?"
)  # may end in a dot, as the beginning of an f-string does
IMPORTING = ("import_module", "__import__")


class Imported(NamedTuple):
    """One import: its line and the full dotted name."""

    line: int
    name: str


class Tree:
    """The Python files below some folders of a checkout, and what each of them imports."""

    def __init__(self, root: Path, tops: list[str]) -> None:
        self.root = root
        self.files = [path for top in tops for path in sorted((root / top).rglob("*.py"))]
        self.parsed = {self.where(path): ast.parse(path.read_text(), filename=str(path)) for path in self.files}
        self.modules = {module_name(where): where for where in self.parsed}
        self.imports = {where: list(imports(node, where)) for where, node in self.parsed.items()}

    def where(self, path: Path) -> str:
        """A file's path from the root, with slashes."""
        return path.relative_to(self.root).as_posix()

    def own(self, where: str) -> list[tuple[int, str]]:
        """The imports of files of this repository, each once: line and file."""
        return sorted(
            {(line, found) for line, name in self.imports[where] if (found := self._file(where, name)) != where}
        )

    def _file(self, where: str, name: str) -> str:
        """The file that a name in a file means; the file itself where it is none of this repository."""
        return next((self.modules[one] for one in self._candidates(where, name) if one in self.modules), where)

    def _candidates(self, where: str, name: str) -> Iterator[str]:
        """The modules that a name may mean, longest first; the folders above a script are on its path."""
        prefixes = [""]
        if where.startswith("scripts/"):
            parents = where.split("/")[:-1]
            prefixes += [".".join(parents[:length]) + "." for length in range(len(parents), 0, -1)]
        for prefix in prefixes:
            parts = (prefix + name).split(".")
            yield from (".".join(parts[:length]) for length in range(len(parts), prefix.count("."), -1))


def module_name(where: str) -> str:
    """The dotted name of a file; a package's is its folder's."""
    return where.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: ast.Module, where: str) -> Iterator[Imported]:
    """Every import of a file, and every string that may name a module, except the names of loggers."""
    nodes = list(ast.walk(tree))
    importing = {*IMPORTING, *aliases(nodes)}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    loggers = {argument for call in calls if called(call) == "getLogger" for argument in call.args}
    named = {argument for call in calls if called(call) in importing for argument in arguments(call)}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = where.split("/")[: -node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Imported(node.lineno, f"{module}.{alias.name}")
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node not in loggers
            and (node in named or DOTTED.fullmatch(node.value))
        ):
            yield Imported(node.lineno, node.value.partition(":")[0].rstrip("."))


def aliases(nodes: list[ast.AST]) -> Iterator[str]:
    """Other names under which a file has `import_module`."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "importlib":
            yield from (alias.asname for alias in node.names if alias.name in IMPORTING and alias.asname)


def arguments(call: ast.Call) -> list[ast.expr]:
    """What a call is given as its first argument, or as `name`."""
    return [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]


def called(node: ast.Call) -> str:
    """The last part of the name of the called function."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))
