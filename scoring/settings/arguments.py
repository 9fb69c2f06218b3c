"""Arguments of `vllm serve`, looked at before vLLM is imported (that import takes seconds, and we listen at once)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scoring.errors import BadSettings


def arguments_from_json(text: str) -> tuple[str, ...]:
    """Turn `{"max_model_len": 4096, "enforce_eager": true}` into vLLM's command line."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadSettings(
            f"SCORING_ENGINE_ARGS is not JSON: {error}", hint='write an object, e.g. {"max_model_len": 4096}'
        ) from error
    if not isinstance(document, dict):
        raise BadSettings(f"SCORING_ENGINE_ARGS is a JSON {type(document).__name__}", hint="write a JSON object")
    return arguments_from_mapping(document)


def arguments_from_mapping(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Spell vLLM's arguments: true is --flag, false is --no-flag, a list its values, an object JSON, null nothing."""
    return tuple(word for name, value in document.items() for word in _words(name, value))


def _words(name: str, value: Any) -> list[str]:
    flag = "--" + name.lstrip("-").replace("_", "-")
    if value is None:
        return []
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [flag, *(_text(item) for item in value)]
    return [f"{flag}={_text(value)}"]


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)


def named_option(arguments: Sequence[str], name: str) -> str | None:
    """Return the last value given for the option `name` (`--port 1`, `--port=1`, `_` for `-`), or None."""
    found = None
    for position, word in enumerate(arguments):
        flag, equals, value = word.partition("=")
        if flag.replace("_", "-") != name:
            continue
        if equals:
            found = value
        elif position + 1 < len(arguments):
            found = arguments[position + 1]
    return found


def option_values(arguments: Sequence[str], name: str) -> list[str]:
    """Return every value given for an option that takes several (`--api-key a b`)."""
    values: list[str] = []
    taking = False
    for word in arguments:
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            taking = flag.replace("_", "-") == name
            values += [value] if taking and equals else []
        elif taking:
            values.append(word)
    return values


def without_option(arguments: Sequence[str], name: str) -> list[str]:
    """Return the arguments without an option that takes one value."""
    kept: list[str] = []
    value_follows = False
    for word in arguments:
        flag, equals, _ = word.partition("=")
        if value_follows:
            value_follows = False
        elif flag.replace("_", "-") == name:
            value_follows = not equals
        else:
            kept.append(word)
    return kept


def has_flag(arguments: Sequence[str], *names: str) -> bool:
    """Tell whether one of the flags stands in the command line."""
    return any(word.partition("=")[0].replace("_", "-") in names for word in arguments)


def load_format(arguments: Sequence[str]) -> str:
    """Return the format that weights are wanted in: that of the option, or Mistral's where the config is to be."""
    named = named_option(arguments, "--load-format") or "auto"
    mistral = named == "auto" and named_option(arguments, "--config-format") == "mistral"
    return "mistral" if mistral else named


def named_model(arguments: Sequence[str]) -> str | None:
    """Return the model where it can be told without vLLM's parser: the first word, or `--model`."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0]
    return named_option(arguments, "--model")
