"""Jinja2 as we use it: a name that is missing is an error, the final newline stays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import GateliftError


def render(path: Path, values: Mapping[str, Any]) -> str:
    """The template's text with the values filled in."""
    from jinja2 import Environment, StrictUndefined, TemplateError  # 0.1 s

    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 no HTML
    try:
        return jinja.from_string(path.read_text(encoding="utf-8")).render(values)
    except TemplateError as error:
        raise GateliftError(f"{path}: {error}", code="template") from None
