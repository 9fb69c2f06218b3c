"""The arguments of the pinned vLLM with their kinds, so that a typo is found in the spec and not in the container."""

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from infra.spec.engine_values import checked_value


@cache
def known_arguments() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The kind of each argument of `vllm serve` by name, with its choices or limits, from scripts/vllm_arguments.py."""
    lines = Path(__file__).with_name("vllm_arguments.txt").read_text().splitlines()
    parts = [[*line.split(), ""] for line in lines if line]
    return {name: (kind, tuple(choices.split("|")) if choices else ()) for name, kind, choices, *_ in parts}


def unknown_argument(names: Iterable[str]) -> tuple[str, str] | None:
    """The first name that vLLM does not know, and a hint, or None; `NAME.KEY` sets one key of a JSON argument."""
    for name in names:
        if name.partition(".")[0] not in known_arguments():
            close = difflib.get_close_matches(name, known_arguments(), n=1)
            return name, f"did you mean `{close[0]}`?" if close else "`vllm serve --help=all` lists them"
    return None


def typed(name: str, value: Any) -> Any:
    """The value of a known argument as vLLM reads it; raises `RuleBroken`. Keys of JSON arguments are not checked."""
    return value if "." in name else checked_value(name, *known_arguments()[name], value)
