"""Shows any JSON document to people: objects become indented sections, lists of objects become tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.cli.terminal.output import table
from infra.cli.terminal.style import Painter, without_control_characters

STATES = {
    "Succeeded": "green",
    "Ready": "green",
    "Creating": "yellow",
    "Updating": "yellow",
    "Deleting": "yellow",
    "Failed": "red",
}


def document_text(document: Mapping[str, Any], paint: Painter) -> str:
    """The document as lines: single values first, then a section with a heading for each object or list of objects."""
    flat = {key: value for key, value in document.items() if not is_section(value)}
    blocks = [pairs_text(flat, paint)] if flat else []
    for key, value in document.items():
        if is_section(value):
            body = table_text(value, paint) if isinstance(value, list) else pairs_text(value, paint)
            blocks.append(f"{paint(title(key), 'bold')}\n{indented(body)}")
    return "\n\n".join(blocks)


def is_section(value: Any) -> bool:
    """Whether the value gets a section: a mapping, or a list of mappings."""
    return bool(value) and (
        isinstance(value, Mapping) or (isinstance(value, list) and all(isinstance(item, Mapping) for item in value))
    )


def pairs_text(pairs: Mapping[str, Any], paint: Painter) -> str:
    """`name  value` lines, the values aligned."""
    width = max(len(title(key)) for key in pairs)
    return "\n".join(f"{title(key):<{width}}  {value_text(value, paint)}".rstrip() for key, value in pairs.items())


def table_text(rows: Sequence[Mapping[str, Any]], paint: Painter) -> str:
    """A table with a column for every key that has a value in any row."""
    keys = list(dict.fromkeys(key for row in rows for key, value in row.items() if value not in (None, "", [], {})))
    plain = Painter(False)
    cells = [[value_text(row.get(key), plain) for key in keys] for row in rows]
    return table([title(key) for key in keys], cells, paint)


def value_text(value: Any, paint: Painter) -> str:
    """A value in one line; provisioning states are coloured."""
    if isinstance(value, Mapping):
        return ", ".join(f"{title(key)} {value_text(inner, paint)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(value_text(inner, paint) for inner in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "none"
    text = " ".join(without_control_characters(str(value)).split())
    return paint(text, STATES[text]) if text in STATES else text


def title(key: str) -> str:
    """A key as words."""
    return key.replace("_", " ")


def indented(text: str) -> str:
    """The text, indented by two columns."""
    return "\n".join(f"  {line}" for line in text.splitlines())
