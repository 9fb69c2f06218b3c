"""What an unpacked vLLM defines, found in its text: modules, classes, their members, and any name that is assigned."""

import ast
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vllm_rs import MEMBER

WANTED = (".py", ".dist-info/METADATA", MEMBER)  # ends of the names in a wheel
DEFINING = re.compile(r"^\s*(?:(?:async )?def |class |self\.)?(\w+)\b(?=\s*[(:=]|\s*$)", re.MULTILINE)
REQUIRED = re.compile(r"^Requires-Dist: ([\w.-]+)(?:\[[^\]]*\])?[ \t]*([^;\n]*)(.*)", re.MULTILINE)


@dataclass(frozen=True)
class Definition:
    """Something that is there: its parameters or fields, and its text without docstrings; empty where it has none."""

    parameters: tuple[str, ...] = ()
    text: str = ""


class VllmTree:
    """One vLLM, as a folder with a package `vllm` in it."""

    def __init__(self, wheel: Path, root: Path) -> None:
        """Unpack what is looked at of a wheel, unless it is there."""
        if not root.is_dir():
            fresh = root.with_name(f".{root.name}.unpacking")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(fresh, [name for name in archive.namelist() if name.endswith(WANTED)])
            fresh.rename(root)
        self.root = root
        self.program = root / MEMBER
        self.texts = {path: path.read_text(errors="replace") for path in sorted((root / "vllm").rglob("*.py"))}
        about = next(root.glob("*.dist-info/METADATA")).read_text()
        self.requirements = {name.lower(): version.strip() for name, version, condition in REQUIRED.findall(about)
                             if "extra ==" not in condition}  # fmt: skip

    def find(self, path: str) -> Definition | None:
        """The definition of a dotted name; None where there is none."""
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            if file := self._file(parts[:length]):
                return self._inside(file, parts[length:])
        return None

    def defining(self, names: set[str]) -> dict[str, set[str]]:
        """The files in which each of these names is defined or assigned, also as an attribute."""
        found: dict[str, set[str]] = {name: set() for name in names}
        for path, text in self.texts.items():
            for name in names.intersection(DEFINING.findall(text)):
                found[name].add(path.relative_to(self.root).as_posix())
        return found

    def mentions(self, word: str) -> bool:
        """Whether a word, such as an environment variable, stands in the Python files or in the Rust program."""
        in_program = self.program.is_file() and word.encode() in self.program.read_bytes()
        return in_program or any(word in text for text in self.texts.values())

    def _file(self, parts: list[str]) -> Path | None:
        base = self.root.joinpath(*parts)
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def _inside(self, file: Path, names: list[str]) -> Definition | None:
        if not names:
            return Definition()  # a module
        first, *rest = names
        here = file.relative_to(self.root)
        for node in statements(ast.parse(self.texts[file])):
            if name_of(node) == first:
                return self._member(file, node, rest)
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == first:
                        above = here.parts[: -node.level] if node.level else ()
                        source = self._file([*above, *filter(None, (node.module or "").split("."))])
                        return self._inside(source, [alias.name, *rest]) if source else Definition()
        if here.name == "__init__.py" and (submodule := self._file([*here.parent.parts, first])):
            return self._inside(submodule, rest)
        return Definition() if f'"{first}"' in self.texts[file] else None  # handed on by a module's __getattr__

    def _member(self, file: Path, node: ast.stmt, names: list[str]) -> Definition | None:
        if not names or not isinstance(node, ast.ClassDef):
            return described(node)
        for child in statements(node):
            if name_of(child) == names[0]:
                return self._member(file, child, names[1:])
        if re.search(rf"\bself\.{names[0]}\b.* = ", ast.unparse(node)):
            return Definition()
        bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id != node.name]
        return next(filter(None, (self._inside(file, [base, *names]) for base in bases)), None)


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a module or class, also those under `if`, `try` and `with`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from statements(child)
        elif isinstance(child, ast.stmt):
            yield child


def name_of(node: ast.stmt) -> str | None:
    """The name that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else None


def described(node: ast.stmt) -> Definition:
    """How a function, or a class by its constructor or its fields, is called, and what its text is."""
    for one in ast.walk(node):  # other words are no change
        if ast.get_docstring(one) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else "":
            one.body = one.body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
    text = ast.unparse(node)
    parts = [*statements(node)] if isinstance(node, ast.ClassDef) else [node]
    for part in parts:
        is_function = isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and (part is node or part.name == "__init__"):
            for one in ast.walk(part.args):
                if isinstance(one, ast.arg):
                    one.annotation = None
            return Definition(tuple(re.split(r", (?![^(\[{]*[)\]}])", ast.unparse(part.args))), text)
    return Definition(
        tuple(name for part in parts if isinstance(part, ast.AnnAssign) and (name := name_of(part))), text
    )
