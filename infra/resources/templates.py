"""Jinja2 as we use it: a missing value is an error, and the final newline stays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from infra.digests import content_digest
from infra.errors import GateliftError

PINS, CODE = "pins.yaml", Path(__file__)


def render(path: Path, values: Mapping[str, Any]) -> str:
    """The template's text with the values filled in; `GateliftError` names a value that is missing."""
    from jinja2 import Environment, StrictUndefined, TemplateError  # its import is a tenth of a whole `plan`

    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 no HTML
    try:
        return jinja.from_string(path.read_text(encoding="utf-8")).render(values)
    except TemplateError as error:
        raise GateliftError(f"{path}: {error}", code="template") from None


def read_pins(folder: Path) -> Mapping[str, Any]:
    """The values that the templates of a folder are rendered with, from its `pins.yaml`."""
    pins: Mapping[str, Any] = YAML(typ="safe").load((folder / PINS).read_text(encoding="utf-8"))
    return pins


def render_folder(folder: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a folder's templates, by file name without `.j2`, with its pins and these values filled in."""
    values = {**read_pins(folder), **values}
    return {path.stem: render(path, values) for path in sorted(folder.glob("*.j2"))}


def folder_version(folder: Path) -> str:
    """Twelve hex digits for what is rendered from a folder: a hash of templates, pins and this module's code."""
    sources = [*sorted(folder.glob("*.j2")), folder / PINS, CODE]
    return content_digest([(path.name, path) for path in sources])[:12]
