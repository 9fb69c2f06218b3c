"""Several engines in one process: SCORING_ENGINES, a JSON list with one object of settings for each."""

import json
from dataclasses import dataclass
from typing import Any

from scoring.errors import BadSettings
from scoring.settings.arguments import arguments_from_mapping
from scoring.settings.config_file import with_config_file

HINT = 'write a list of objects, e.g. [{"model": "org/chat", "max_model_len": 4096}, {"model": "org/embeddings"}]'


@dataclass(frozen=True)
class EngineSettings:
    """One engine of several: its model, and vLLM's own arguments for it."""

    model: str
    revision: str | None
    arguments: tuple[str, ...]


def engines_from_json(text: str | None) -> tuple[EngineSettings, ...]:
    """Read the list; no text is no list."""
    if not text:
        return ()
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadSettings(f"SCORING_ENGINES is not JSON: {error}", hint=HINT) from error
    if not isinstance(document, list) or not document:
        raise BadSettings("SCORING_ENGINES is not a list with engines in it", hint=HINT)
    return tuple(_engine(number, entry) for number, entry in enumerate(document))


def _engine(number: int, entry: Any) -> EngineSettings:
    if not isinstance(entry, dict) or not isinstance(entry.get("model"), str) or not entry["model"].strip():
        raise BadSettings(f"SCORING_ENGINES[{number}] names no model", hint=HINT)
    rest = {name: value for name, value in entry.items() if name not in ("model", "revision")}
    revision = entry.get("revision")
    if revision is not None and not isinstance(revision, str):
        raise BadSettings(f"SCORING_ENGINES[{number}].revision is {revision!r}", hint="write a branch or a commit")
    return EngineSettings(entry["model"], revision, with_config_file(arguments_from_mapping(rest)))
