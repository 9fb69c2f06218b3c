"""Jinja2 as we use it: a missing value is an error, and the final newline stays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import GateliftError
from infra.resources.base import content_digest

CODE = Path(__file__)


def render(path: Path, values: Mapping[str, Any]) -> str:
    """The template's text with the values filled in; `GateliftError` names a value that is missing."""
    from jinja2 import Environment, StrictUndefined, TemplateError  # its import is a tenth of a whole `plan`

    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 no HTML
    try:
        return jinja.from_string(path.read_text(encoding="utf-8")).render(values)
    except TemplateError as error:
        raise GateliftError(f"{path}: {error}", code="template") from None


def template_version(*sources: Path) -> str:
    """Twelve hex digits for what is rendered from these files: a hash of them and of this module, without rendering."""
    return content_digest([(path.name, path) for path in (*sources, CODE)])[:12]
