"""The arguments of the pinned vLLM, so that a typo is found in the spec and not in the container."""

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def known_arguments() -> frozenset[str]:
    """The names of the arguments of `vllm serve`; the list comes from scripts/vllm_arguments.py."""
    return frozenset(Path(__file__).with_name("vllm_arguments.txt").read_text().split())


def unknown_argument(names: Iterable[str]) -> tuple[str, str] | None:
    """The first name that vLLM does not know, and a hint, or None; `NAME.KEY` sets one key of a JSON argument."""
    for name in names:
        if name.partition(".")[0] not in known_arguments():
            close = difflib.get_close_matches(name, known_arguments(), n=1)
            return name, f"did you mean `{close[0]}`?" if close else "`vllm serve --help=all` lists them"
    return None
