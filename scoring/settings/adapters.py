"""Fine-tuned adapters (LoRA) beside the model: SCORING_ADAPTERS, a JSON list with one object for each."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scoring.errors import BadSettings

HINT = (
    'write a list of objects, e.g. [{"name": "sql", "model": "org/lora"}, {"name": "legal", "path": "/folder"}];'
    " `url` names a folder of blob storage"
)
SOURCES = ("model", "url", "path")
MEMBERS = ("name", *SOURCES, "revision")


@dataclass(frozen=True)
class AdapterSettings:
    """One adapter: the name that clients ask for, and one of a Hub id, a folder here, a folder of blob storage."""

    name: str
    model: str = ""
    revision: str | None = None
    url: str = ""
    path: str = ""


def adapters_from_json(text: str | None) -> tuple[AdapterSettings, ...]:
    """Read the list; no text is no list. Raises `BadSettings`."""
    if not text:
        return ()
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadSettings(f"SCORING_ADAPTERS is not JSON: {error}", hint=HINT) from error
    if not isinstance(document, list):
        raise BadSettings(f"SCORING_ADAPTERS is a JSON {type(document).__name__}, not a list", hint=HINT)
    adapters = tuple(_adapter(f"SCORING_ADAPTERS[{number}]", entry) for number, entry in enumerate(document))
    names = [one.name for one in adapters]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadSettings(f"SCORING_ADAPTERS names {twice!r} twice", hint="give each adapter a name of its own")
    return adapters


def _adapter(where: str, entry: Any) -> AdapterSettings:
    if not isinstance(entry, dict) or not all(value is None or isinstance(value, str) for value in entry.values()):
        raise BadSettings(f"{where} is not an object of texts", hint=HINT)
    given = {member: value.strip() for member, value in entry.items() if value and value.strip()}
    if unknown := [member for member in entry if member not in MEMBERS]:
        raise BadSettings(f"{where} has no member {unknown[0]!r}", hint=HINT)
    if "name" not in given:
        raise BadSettings(f"{where} has no name", hint=HINT)
    if len([source for source in SOURCES if source in given]) != 1:
        raise BadSettings(f"{where} ({given['name']}) needs one of model, url and path", hint=HINT)
    if "?" in given.get("url", "") or "@" in urlsplit(given.get("url", "")).netloc:
        raise BadSettings(
            f"the url of {where} ({given['name']}) holds a signature or a password",
            hint="leave it out: the folder is read with the managed identity",
        )
    if "path" in given:
        given["path"] = str(Path(given["path"]).expanduser())
    return AdapterSettings(**given)
