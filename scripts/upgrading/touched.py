"""Which names of vLLM this repository touches: imported, named in strings, or used as attributes of what comes of them.

`@name` stands for a name that `scoring/engine/versions.py` has the module for.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("scoring/engine", "tests", "scripts")
VLLMS = "scoring/engine"  # any attribute that is used there may be one of vLLM's
PACKAGE = re.compile(r"vllm(\.\w+)*")
VARIABLE = re.compile(r"VLLM_[A-Z0-9_]+")
IMPORTING = ("import_module", "get")  # `get` of sys.modules
Places = defaultdict[str, set[str]]


@dataclass
class Touched:
    """What is touched, each with the files that do; `keywords` are those that a name is called with."""

    table: Places = field(default_factory=lambda: defaultdict(set))  # a name, and the modules that it is in
    names: Places = field(default_factory=lambda: defaultdict(set))
    keywords: Places = field(default_factory=lambda: defaultdict(set))
    attributes: Places = field(default_factory=lambda: defaultdict(set))
    variables: set[str] = field(default_factory=set)

    def whole_names(self) -> list[str]:
        """The names, without those that only lead to a longer one."""
        return sorted(
            name
            for name in self.names
            if name.startswith("@") or name in self.keywords or not any(o.startswith(f"{name}.") for o in self.names)
        )


def scan(root: Path) -> Touched:
    """Scan the Python files of a checkout."""
    found = Touched()
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    trees = {path.relative_to(root).as_posix(): ast.parse(path.read_text()) for path in paths}
    nodes = {where: list(ast.walk(tree)) for where, tree in trees.items()}
    for where, all_nodes in nodes.items():
        for node in all_nodes:
            if isinstance(node, ast.Dict) and where.startswith(VLLMS):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and is_module(value):
                        found.table[str(key.value)].add(value.value)
    for name in found.table:
        found.names[f"@{name}"] = set()
    members: dict[str, str] = {}  # of our objects
    for _ in range(2):  # what is assigned may be used in a file before it
        for where, all_nodes in nodes.items():
            _File(found, members, where).read(all_nodes)
    return found


def is_module(node: ast.AST | None) -> bool:
    """Whether this is the dotted name of something in vLLM, as a string."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "." in node.value
        and PACKAGE.fullmatch(node.value) is not None
    )


class _File:
    """One file; whatever is assigned one of vLLM's names stands for it there, a member of `self` everywhere."""

    def __init__(self, found: Touched, members: dict[str, str], where: str) -> None:
        self.found = found
        self.members = members
        self.where = where
        self.known: dict[str, str] = {}

    def read(self, nodes: list[ast.AST]) -> None:
        for node in nodes:
            for name, path in self._bound(node):
                self.known[name] = path
        for node in nodes:
            if path := self._path(node):
                self.found.names[path].add(self.where)
            if isinstance(node, ast.Call) and (path := self._path(node.func)):
                self.found.keywords[path].update(word.arg for word in node.keywords if word.arg)
            elif isinstance(node, ast.Attribute) and not path and self.where.startswith(VLLMS):
                self.found.attributes[node.attr].add(self.where)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.found.variables.update(VARIABLE.findall(node.value))
                if is_module(node) and not any(node.value in modules for modules in self.found.table.values()):
                    self.found.names[node.value].add(self.where)

    def _bound(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if PACKAGE.fullmatch(alias.name):
                    yield alias.asname or "vllm", alias.name if alias.asname else "vllm"
        elif isinstance(node, ast.ImportFrom) and PACKAGE.fullmatch(node.module or ""):
            for alias in node.names:
                self.found.names[f"{node.module}.{alias.name}"].add(self.where)
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value and (path := self._path(node.value)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield target.id, path
                elif isinstance(target, ast.Attribute):
                    self.members[target.attr] = path

    def _path(self, node: ast.AST) -> str | None:
        """The name of vLLM that an expression is; None where it is none."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._path(node.value)
            return f"{base}.{node.attr}" if base else self.members.get(node.attr)
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            word = str(node.args[0].value)
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in IMPORTING and PACKAGE.fullmatch(word):
                return word
            return f"@{word}" if word in self.found.table else None
        return None
