"""The `--config` file of `vllm serve`, read before vLLM is imported: port, keys and model must be known by then."""

import importlib
from collections.abc import Sequence
from typing import Any

from scoring.errors import BadSettings
from scoring.settings.arguments import arguments_from_mapping, named_option, without_option

NAME = "--config"


def with_config_file(words: Sequence[str]) -> tuple[str, ...]:
    """Return the command line with what its config file says in front of what it says itself, which wins."""
    path = named_option(words, NAME)
    if path is None:
        return tuple(words)
    own = without_option(words, NAME)
    model = 0 if not own or own[0].startswith("-") else 1
    return (*own[:model], *arguments_from_mapping(_read(path)), *own[model:])


def _read(path: str) -> dict[str, Any]:
    yaml: Any = importlib.import_module("yaml")  # comes with vLLM; only a config file needs it
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSettings(
            f"{NAME} {path} cannot be read: {' '.join(str(error).split())}",
            hint="name a YAML file of vLLM's arguments, e.g. with the line `max-model-len: 4096`",
        ) from error
    if not isinstance(document, dict):
        raise BadSettings(
            f"{NAME} {path} holds no arguments but {document!r:.60}", hint="write a line for each, e.g. `port: 8000`"
        )
    return {str(name): value for name, value in document.items()}
