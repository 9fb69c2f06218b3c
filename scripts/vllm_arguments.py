"""Prints the arguments of `vllm serve`, each with its kind: the content of infra/spec/vllm_arguments.txt.

What a kind accepts is in infra/spec/engine_arguments.py. The kind of an argument is found by giving its converter
samples, since many converters of vLLM have no name that says it.
"""

import argparse
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scoring.engine.modules import VllmModules, prepare_environment

# Choices that depend on the platform: the list may be made on a machine without a GPU.
ON_A_GPU = {"mm_processor_device": "cuda"}
NUMBERS = ("int", "float", "size", "size|auto")
SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
OBJECT = '{"a": 1}'


def vllm_arguments() -> list[str]:
    """Every long option of vLLM's parser with its kind, with underscores, but none that only switches another off."""
    prepare_environment(os.environ)
    vllm = VllmModules()
    parser = vllm.make_arg_parser(vllm.argument_parser(prog="vllm serve"))
    named = dict(name_and_kind for action in parser._actions for name_and_kind in names_and_kinds(action))
    del named["help"]
    found = limits(vars(importlib.import_module("vllm.config")).values())
    return sorted(
        f"{name} {kind} {'|'.join(found.get(name, ())) if kind in NUMBERS else ''}".rstrip()
        for name, kind in named.items()
    )


def limits(classes: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """The limits of the fields of vLLM's configurations by name, such as `>=1`; not where two of them disagree."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for one in classes:
        for name, field in getattr(one, "__pydantic_fields__", {}).items():
            marks = tuple(
                f"{sign}{getattr(meta, word):g}"
                for meta in field.metadata
                for word, sign in SIGNS.items()
                if hasattr(meta, word)
            )
            if marks:
                found.setdefault(name, set()).add(marks)
    return {name: ways.pop() for name, ways in found.items() if len(ways) == 1}


def names_and_kinds(action: argparse.Action) -> Iterator[tuple[str, str]]:
    """Each name of an option, with its kind."""
    for option in action.option_strings:
        if option.startswith("--") and "." not in option and not switches_off(action, option):
            name = option.removeprefix("--").replace("-", "_")
            kind, more = kind_of(action), ON_A_GPU.get(name, "")
            yield name, f"{kind}|{more}" if more and more not in kind.split("|") else kind


def switches_off(action: argparse.Action, option: str) -> bool:
    """Whether an option sets to False what another spelling of it sets to True."""
    if not isinstance(action, argparse.BooleanOptionalAction):
        return False
    read = argparse.Namespace()
    action(argparse.ArgumentParser(), read, None, option)
    return getattr(read, action.dest) is False


def kind_of(action: argparse.Action) -> str:
    """`int`, `choice a|b`, `text[]` and so on."""
    several = "[]" if action.nargs == "+" else ""
    if action.nargs == 0:
        return "flag" if isinstance(action, argparse.BooleanOptionalAction) else "switch"
    if choices := [str(choice) for choice in action.choices or () if choice is not None]:
        loose = converted(action, choices[0].upper()) == choices[0] != choices[0].upper()
        return f"{'name' if loose else 'choice'}{several} {'|'.join(choices)}"
    if action.type is json.loads:
        return "anyjson"
    if type(action).__name__ == "LoRAParserAction":  # which reads each `name=path` or object itself
        return "lora[]"
    return f"{single_kind(lambda text: converted(action, text))}{several}"


def single_kind(read: Callable[[str], Any]) -> str:
    """The kind of one value, by what its converter makes of samples."""
    if read("word") is not None:
        return "json|text" if isinstance(read(OBJECT), dict) else "text"
    if read("{}") is not None or read(OBJECT) is not None:
        return "json"
    if read("8k") is not None:
        return "size|auto" if read("auto") is not None else "size"
    if isinstance(read("0.5"), float):
        return "float"
    return "int" if isinstance(read("8"), int) else "text"


def converted(action: argparse.Action, text: str) -> Any:
    """What the option's converter makes of a text; None where it refuses it."""
    if not callable(action.type):
        return text
    try:
        return action.type(text)
    except (ValueError, TypeError, argparse.ArgumentTypeError):  # what argparse takes for a refusal
        return None


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # where vLLM's log goes then
        arguments = vllm_arguments()
    print("\n".join(arguments))  # noqa: T201
