"""Which names of vLLM this repository touches: imports, dotted strings, and attributes of what comes of them.

A path is a dotted name of vLLM; behind `()` or `[]` comes what is used of a call's or a subscript's result. One that
begins with `@name` is of a name that `scoring/engine/versions.py` has the module for, one that begins with `?` of a
value annotated `Any`, which in `scoring/engine` is one of vLLM's.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("scoring/engine", "tests", "scripts")
ANY_IS_VLLMS = "scoring/engine"
PACKAGE = re.compile(r"vllm(\.\w+)*")
VARIABLE = re.compile(r"VLLM_[A-Z0-9_]+")
IMPORTING = ("import_module", "get")  # `get` of sys.modules
ANY = "?"


@dataclass(frozen=True)
class Use:
    """One use: where, of which path, and the keywords that it is called with (None: no call)."""

    where: str
    path: str
    keywords: frozenset[str] | None = None


@dataclass
class Scan:
    """The uses, and what is known across files: modules that tables give names, values of classes' attributes."""

    table: dict[str, set[str]] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    uses: set[Use] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)


def scan(root: Path, folders: tuple[str, ...] = FOLDERS) -> Scan:
    """Scan the Python files below some folders of a checkout."""
    found = Scan()
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    trees = {path.relative_to(root).as_posix(): ast.parse(path.read_text()) for path in paths}
    for where, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict) and where.startswith(ANY_IS_VLLMS):
                for name, module in table_entries(node):
                    found.table.setdefault(name, set()).add(module)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.variables.update(VARIABLE.findall(node.value))
    for _ in range(3):  # a class may take its values from another, that one from a third
        for where, tree in trees.items():
            _File(found, where).visit(tree)
    return found


def table_entries(node: ast.Dict) -> Iterator[tuple[str, str]]:
    """The names that a dictionary has a module of vLLM for, with the module."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and is_module(value.value):
            yield str(key.value), str(value.value)


def is_module(value: object) -> bool:
    """Whether a value is the dotted name of something in vLLM."""
    return isinstance(value, str) and "." in value and PACKAGE.fullmatch(value) is not None


class _File(ast.NodeVisitor):
    """Follows values through one file; every name that is assigned one of vLLM's stands for it from then on."""

    def __init__(self, scan: Scan, where: str) -> None:
        self.scan = scan
        self.where = where
        self.names: dict[str, str] = {}
        self.owner = ""  # the class around

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if PACKAGE.fullmatch(alias.name):
                self._use(alias.name)
                self.names[alias.asname or "vllm"] = alias.name if alias.asname else "vllm"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and PACKAGE.fullmatch(node.module):
            for alias in node.names:
                self._use(f"{node.module}.{alias.name}")
                self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self.owner = self.owner, node.name
        self.generic_visit(node)
        self.owner = outer

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer = dict(self.names)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            kind = ast.unparse(argument.annotation) if argument.annotation else ""
            self.names.pop(argument.arg, None)
            if kind == "Any" and self.where.startswith(ANY_IS_VLLMS):
                self.names[argument.arg] = ANY
            elif kind in self.scan.attributes:
                self.names[argument.arg] = f"{kind}:"
        self.generic_visit(node)
        self.names = outer

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, self.path(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._bind(node.target, self.path(node.value))

    def visit_For(self, node: ast.For) -> None:
        self._each(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._each(node.target, node.iter)
        self.generic_visit(node)

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self._bind(node.optional_vars, self.path(node.context_expr))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self.path(node)
        if path is None:
            self.generic_visit(node)
        else:
            self._use(path)
            self._inside(node)

    def visit_Call(self, node: ast.Call) -> None:
        if path := self.path(node):
            named = frozenset(word.arg for word in node.keywords if word.arg)
            self._use(path.removesuffix("()"), named if path.endswith("()") else None)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if is_module(node.value) and not any(node.value in modules for modules in self.scan.table.values()):
            self._use(str(node.value))

    def _inside(self, node: ast.expr) -> None:
        """Visit what the expression is made from, but not the shorter paths in it."""
        while isinstance(node, ast.Attribute):
            node = node.value
        self.visit(node)

    def _each(self, target: ast.expr, values: ast.expr) -> None:
        path = self.path(values)
        self._bind(target, path and f"{path}[]")

    def _bind(self, target: ast.expr, path: str | None) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                self._bind(one, path and f"{path}[]")
        elif isinstance(target, ast.Name):
            self.names.pop(target.id, None)
            if path:
                self.names[target.id] = path
        elif isinstance(target, ast.Attribute):
            if isinstance(target.value, ast.Name) and target.value.id == "self" and path:
                self.scan.attributes.setdefault(self.owner, {})[target.attr] = path
            self.visit(target)

    def _use(self, path: str, keywords: frozenset[str] | None = None) -> None:
        self.scan.uses.add(Use(self.where, path, keywords))

    def path(self, node: ast.expr) -> str | None:
        """The path of an expression's value; None where it is none of vLLM's."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                return self.scan.attributes.get(self.owner, {}).get(node.attr)
            return self._member(self.path(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, ast.Subscript):
            base = self.path(node.value)
            return base and f"{base}[]"
        if isinstance(node, ast.Await | ast.NamedExpr | ast.Starred):
            return self.path(node.value)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self.path, node.values)), None)
        if isinstance(node, ast.IfExp):
            return self.path(node.body) or self.path(node.orelse)
        return None

    def _member(self, base: str | None, name: str) -> str | None:
        if base is None:
            return None
        if base.endswith(":"):  # an instance of a class of ours
            return self.scan.attributes.get(base[:-1], {}).get(name)
        return f"{base}.{name}"

    def _called(self, node: ast.Call) -> str | None:
        first = node.args[0] if node.args else None
        word = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
        name_called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name_called in IMPORTING and PACKAGE.fullmatch(word):
            return word
        if word in self.scan.table:
            return f"@{word}"
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and first and len(node.args) > 1:
            name = node.args[1]
            return self._member(self.path(first), name.value) if isinstance(name, ast.Constant) else None
        base = self.path(node.func)
        return base and f"{base}()"
