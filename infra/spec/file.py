"""Reads a spec from a YAML file; every error names the file, the line, the field and the value."""

import re
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from infra.errors import SpecError
from infra.spec.check import Mistake, Mistakes, Where
from infra.spec.errors import SEE_INIT
from infra.spec.model import StackSpec, spec_from
from infra.spec.model_folder import files_of_adapter, files_of_model
from infra.spec.model_source import ModelSpec
from infra.spec.names import RuleBroken

REFERENCE = re.compile(r"(?P<escaped>\$)?\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}")
LOOKS_LIKE_TOKEN = re.compile(r"(?<![A-Za-z0-9])(hf|api_org)_(?=[A-Za-z0-9]*\d|[A-Za-z0-9]{20})[A-Za-z0-9]{6,}")
KEEP_OUT_HINT = (
    "the token belongs in the workspace connection: `export HF_TOKEN=…`, then `gatelift up` or `gatelift token set`"
)
CHECK_YAML = "check the indentation, colons and quotes on that line and the one above it"

DEEPEST, MOST_VALUES = 32, 10_000  # levels of nesting, values in a spec


class _SpecConstructor(RoundTripConstructor):
    """Keeps timestamps as text, since their exact form is checked later."""


_SpecConstructor.add_constructor("tag:yaml.org,2002:timestamp", lambda self, node: node.value)


def load_spec(path: Path, *, environ: Mapping[str, str], local: bool, folders: bool = False) -> StackSpec:
    """Read a spec, fill in environment variables and check it; with `local`, apply its `local` part.

    With `folders`, the folders of models and adapters are looked at, too, which only some commands need. Raises
    `SpecError` with all mistakes.
    """
    document = _parse(path)
    values = _expand(document, path, environ)
    try:
        spec = spec_from(values)
    except Mistakes as mistakes:
        raise _spec_error(mistakes, document, path) from None
    spec = spec.in_folder(path.resolve().parent)
    if folders and (mistaken := folder_mistakes(spec, local=local)):
        raise _spec_error(Mistakes(mistaken), document, path)
    return spec.for_this_machine() if local else spec


def folder_mistakes(spec: StackSpec, *, local: bool) -> list[Mistake]:
    """What is wrong with the folders of the model that is used and of its adapters."""
    model: ModelSpec = spec.model
    where: Where = ("model",)
    if local and spec.local.model:
        model, where = spec.local.model, ("local", "model")
    load_format = spec.load_format(local=local)
    checks: list[tuple[Where, str | None, Callable[..., object]]] = [((*where, "path"), model.path, files_of_model)]
    for index, adapter in enumerate(model.adapters):
        checks.append(((*where, "adapters", index, "path"), adapter.path, files_of_adapter))
    mistakes = []
    for place, folder, check in checks:
        try:
            if folder:
                check(Path(folder), load_format)
        except RuleBroken as broken:
            mistakes.append(Mistake(place, str(broken), broken.hint))
    return mistakes


def _parse(path: Path) -> CommentedMap:
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _SpecConstructor
    try:
        document = yaml.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file", hint=SEE_INIT) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}", hint="a spec is a text file in UTF-8") from None
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = str(error.problem).split(" with value")[0]
        raise SpecError(f"{path}:{line}: {problem}", hint="delete one of the two") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise SpecError(f"{path}:{line}: not valid YAML: {error.problem}", hint=CHECK_YAML) from None
    except YAMLError as error:
        raise SpecError(f"{path}: not valid YAML: {error}", hint=CHECK_YAML) from None
    except RecursionError:
        raise SpecError(f"{path}: nested too deeply", hint=SEE_INIT) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # such as a number with thousands of digits
        problem = str(error).partition(";")[0]
        raise SpecError(f"{path}: a value cannot be read: {problem}", hint=CHECK_YAML) from None
    if not isinstance(document, CommentedMap):
        raise SpecError(f"{path}:1: the file is not a mapping of fields", hint=SEE_INIT)
    return document


def _expand(document: CommentedMap, path: Path, environ: Mapping[str, str]) -> Any:
    """The document as plain values, with `${NAME}` and `${NAME:-default}` filled in and `$${` turned into `${`.

    Raises `SpecError` for a variable that is not set and for text that looks like a Hub token.
    """

    token = environ.get("HF_TOKEN", "").strip()

    def text(value: str, where: Where) -> str:
        def fill(match: re.Match[str]) -> str:
            if match["escaped"]:
                return match.group()[1:]
            if (filled := environ.get(match["name"]) or match["default"]) is not None:
                return filled
            raise SpecError(
                f"{_where(document, where, path)}: the environment variable {match['name']} is not set",
                hint=f"set it with `export {match['name']}=…`, or write a default: ${{{match['name']}:-value}}",
            )

        expanded = REFERENCE.sub(fill, value)
        if LOOKS_LIKE_TOKEN.search(expanded) or (token and token in expanded):
            place = _where(document, where, path)
            message = f"{place}: this looks like a Hugging Face token; a spec must not contain secrets"
            raise SpecError(message, hint=KEEP_OUT_HINT, code="secret_in_spec")
        return expanded

    values = count()

    def walk(node: Any, where: Where) -> Any:
        if len(where) > DEEPEST or next(values) > MOST_VALUES:  # YAML aliases turn a few lines into thousands of values
            what = (
                f"nested more than {DEEPEST} levels deep" if len(where) > DEEPEST else f"more than {MOST_VALUES} values"
            )
            hint = "write the values out instead of using YAML aliases (`*name`)"
            raise SpecError(f"{_where(document, where[:3], path)}: {what}", hint=hint)
        if isinstance(node, dict):
            return {text(str(key), (*where, str(key))): walk(value, (*where, str(key))) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [walk(value, (*where, index)) for index, value in enumerate(node)]
        if isinstance(node, str):
            return text(str(node), where)
        return _plain(node)

    return walk(document, ())


def _plain(node: Any) -> Any:
    """The plain value of one of ruamel's scalar classes, which also remember how they were written."""
    if isinstance(node, ScalarBoolean):  # `true` with an anchor, a subclass of int
        return bool(node)
    for kind in (bool, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node


def _spec_error(mistakes: Mistakes, document: CommentedMap, path: Path) -> SpecError:
    lines = [
        f"{_where(document, one.where, path)}: {LOOKS_LIKE_TOKEN.sub('hf_…', one.message)}" for one in mistakes.mistakes
    ]
    return SpecError("\n".join(lines), hint="; ".join(dict.fromkeys(one.hint for one in mistakes.mistakes)))


def _where(document: CommentedMap, where: Where, path: Path) -> str:
    """`FILE:LINE: FIELD`; for a field that is not in the file, the line of the nearest key around it."""
    node: Any = document
    line = 0
    for part in where:
        try:
            line = node.lc.data[part][0]
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    field = LOOKS_LIKE_TOKEN.sub("hf_…", ".".join(str(part) for part in where))
    return f"{path}:{line + 1}" + (f": {field}" if field else "")
