"""What an unpacked vLLM defines, found in its text: modules, classes, their members, and any name that is assigned."""

import ast
import copy
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MOST_STEPS = 8  # through modules that only hand a name on


@dataclass(frozen=True)
class Definition:
    """Where something is defined, how it is called (empty: it is not), and all of its text without docstrings."""

    where: str
    signature: str
    text: str
    parameters: frozenset[str] = frozenset()
    takes_any: bool = True  # keyword, or unknown


class VllmTree:
    """One vLLM, as a folder with a package `vllm` in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, path: str) -> Definition | None:
        """The definition of a dotted name; None where there is none."""
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            if (file := self.file(".".join(parts[:length]))) is not None:
                return self._inside(file, parts[length:])
        return None

    def file(self, module: str) -> Path | None:
        """The file of a module."""
        base = self.root / module.replace(".", "/")
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def defining(self, name: str) -> list[str]:
        """The modules that define a function or class of this name."""
        pattern = re.compile(rf"^(?:async def|def|class) {re.escape(name)}\b", re.MULTILINE)
        return sorted(module_of(where) for where, text in self.texts().items() if pattern.search(text))

    def assigning(self, names: frozenset[str]) -> dict[str, set[str]]:
        """The files in which each of these names is defined or assigned, also as an attribute."""
        one = "|".join(map(re.escape, sorted(names)))
        pattern = re.compile(rf"^\s*(?:(?:async )?def |class |self\.)?({one})\b(?=\s*[(:=]|\s*$)", re.MULTILINE)
        found: dict[str, set[str]] = {name: set() for name in names}
        for where, text in self.texts().items() if names else ():
            for name in set(pattern.findall(text)):
                found[name].add(where)
        return found

    @functools.cache  # noqa: B019
    def texts(self) -> dict[str, str]:
        """The text of each Python file, by its place."""
        files = (self.root / "vllm").rglob("*.py")
        return {path.relative_to(self.root).as_posix(): path.read_text(errors="replace") for path in files}

    def everything(self) -> str:
        """All text in which an environment variable may be named: of the Python files and of the Rust program."""
        program = self.root / "vllm" / "vllm-rs"
        strings = program.read_bytes().decode("ascii", "ignore") if program.is_file() else ""
        return "\n".join([*self.texts().values(), strings])

    @functools.cache  # noqa: B019
    def _parsed(self, file: Path) -> ast.Module:
        return ast.parse(file.read_text(errors="replace"))

    def _inside(self, file: Path, names: list[str], steps: int = 0) -> Definition | None:
        tree = self._parsed(file)
        where = file.relative_to(self.root).as_posix()
        if not names:
            return Definition(where, "", "")  # a module: whether it is there
        for node in statements(tree):
            if name_of(node) == names[0]:
                return self._member(where, tree, node, names[1:])
            if isinstance(node, ast.ImportFrom) and steps < MOST_STEPS:
                for alias in node.names:
                    if (alias.asname or alias.name) == names[0]:
                        return self._handed_on(where, node, [alias.name, *names[1:]], steps)
        submodule = self.file(f"{module_of(where)}.{names[0]}")
        if submodule is not None:
            return self._inside(submodule, names[1:], steps)
        if f'"{names[0]}"' in self.texts()[where]:
            return Definition(where, "", "")  # handed on by a module's __getattr__
        return None

    def _handed_on(self, where: str, node: ast.ImportFrom, names: list[str], steps: int) -> Definition | None:
        above = where.split("/")[: -node.level] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        file = self.file(module)
        if file is None:
            return Definition(where, "", "")  # from another package
        return self._inside(file, names, steps + 1)

    def _member(self, where: str, tree: ast.Module, node: ast.stmt, names: list[str]) -> Definition | None:
        if not names or not isinstance(node, ast.ClassDef):
            return described(where, node)
        for child in statements(node):
            if name_of(child) == names[0]:
                return self._member(where, tree, child, names[1:])
        if any(self_attribute(one, names[0]) for one in ast.walk(node)):
            return Definition(where, "", "")
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id != node.name:
                file = self.root / where
                if (found := self._inside(file, [base.id, *names])) is not None:
                    return found
        return None


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a module or class, also those under `if`, `try` and `with`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from statements(child)
        elif isinstance(child, ast.stmt):
            yield child


def name_of(node: ast.stmt) -> str | None:
    """The name that a statement defines."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else None


def self_attribute(node: ast.AST, name: str) -> bool:
    """Whether a node assigns this attribute to `self`."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def described(where: str, node: ast.stmt) -> Definition:
    """What is said of a definition."""
    if isinstance(node, FUNCTIONS):
        return called_as(where, node, ast.unparse(without_docstrings(node)))
    if isinstance(node, ast.ClassDef):
        text = ast.unparse(without_docstrings(node))
        for child in statements(node):
            if isinstance(child, FUNCTIONS) and child.name == "__init__":
                return called_as(where, child, text)
        names = [name for child in node.body if isinstance(child, ast.AnnAssign) and (name := name_of(child))]
        return Definition(where, ", ".join(names), text, frozenset(names), takes_any=not names or bool(node.bases))
    return Definition(where, "", ast.unparse(node))


def called_as(where: str, node: ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> Definition:
    """What is said of a function, or of a class by its constructor."""
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    signature = re.sub(r"^(self|cls), |^(self|cls)$", "", ast.unparse(without_annotations(arguments)))
    parameters = frozenset(argument.arg for argument in named)
    return Definition(where, signature, text, parameters, takes_any=arguments.kwarg is not None)


def without_annotations(arguments: ast.arguments) -> ast.arguments:
    """The same parameters, by name and default alone."""
    bare = copy.deepcopy(arguments)
    for one in ast.walk(bare):
        if isinstance(one, ast.arg):
            one.annotation = None
    return bare


def without_docstrings(node: ast.AST) -> ast.AST:
    """A copy without docstrings: other words are no change."""
    bare = copy.deepcopy(node)
    for one in ast.walk(bare):
        body = getattr(one, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            one.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
    return bare


def module_of(where: str) -> str:
    """The dotted name of a file."""
    return where.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
