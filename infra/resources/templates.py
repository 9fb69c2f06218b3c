"""Jinja2 as we use it: a name that is missing is an error, the final newline stays."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import GateliftError

# What our own templates are made of; they are rendered for every plan, and importing Jinja2 is a good part of one.
CONDITION = re.compile(r"\{% if (\w+) %\}((?:(?!\{%).)*)\{% endif %\}", re.DOTALL)
NAME = re.compile(r"\{\{ (\w+) \}\}")
MORE = re.compile(r"\{[{%#]")


def render(path: Path, values: Mapping[str, Any]) -> str:
    """The template's text with the values filled in."""
    text = path.read_text(encoding="utf-8")
    missing = {match[1] for pattern in (CONDITION, NAME) for match in pattern.finditer(text)} - values.keys()
    if missing or MORE.search(NAME.sub("", CONDITION.sub(r"\2", text))):
        return _with_jinja(path, text, values)
    chosen = CONDITION.sub(lambda match: match[2] if values[match[1]] else "", text)
    return NAME.sub(lambda match: str(values[match[1]]), chosen)


def _with_jinja(path: Path, text: str, values: Mapping[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined, TemplateError  # 0.1 s

    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 no HTML
    try:
        return jinja.from_string(text).render(values)
    except TemplateError as error:
        raise GateliftError(f"{path}: {error}", code="template") from None
