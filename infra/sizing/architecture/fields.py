"""Reads fields of a config.json that anybody may have written: a wrong type is a fault, and never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.sizing.architecture.defaults import DEFAULTS, Defaults

LARGEST = 1 << 48
LANGUAGE = ("text_config", "llm_config", "language_config", "decoder", "generator")


class Fields:
    """One level of a config.json, with the defaults of its model type; `faults` gathers what is wrong with it."""

    def __init__(self, config: Mapping[str, Any], model_type: str = "") -> None:
        self.model_type = model_type or _text(config.get("model_type"))
        self.faults: list[str] = []
        self._config = config
        self._defaults: Defaults | None = DEFAULTS.get(self.model_type)

    def number(self, *names: str) -> int | None:
        """The whole number that the first of these names has; None where none has one."""
        for name in names:
            value = self.value(name)
            if value is None:
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if whole and 0 <= value < LARGEST:
                return int(value)
            what = "more than can be" if whole and value > 0 else "no whole number"
            self.faults.append(f"config.json has {name}: {value!r}, which is {what}")
            return None
        return None

    def needed(self, *names: str) -> int:
        """The whole number; a fault, and 0, where there is none or it is 0."""
        before = len(self.faults)
        value = self.number(*names)
        if not value and len(self.faults) == before:
            self.faults.append(f"config.json says nothing of {names[0]}")
        return value or 0

    def flag(self, name: str) -> bool:
        """Whether it is true."""
        return self.value(name) is True

    def text(self, name: str) -> str:
        """The text; empty where there is none."""
        return _text(self.value(name))

    def texts(self, name: str) -> list[str]:
        """The list of texts; empty where there is none."""
        value = self.value(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return list(value)
        self.faults.append(f"config.json has {name}: {value!r}, which is no list of names")
        return []

    def has(self, name: str) -> bool:
        """Whether config.json itself has it, even as null."""
        return name in self._config

    def value(self, name: str) -> Any:
        """Whatever it is; the default of the model type where it is missing, None where it is null."""
        if name in self._config:
            return self._config[name]
        return getattr(self._defaults, name, None)

    def numbers(self, name: str) -> list[int]:
        """The list of whole numbers; empty where there is none."""
        value = self.value(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(one, int) for one in value):
            return list(value)
        self.faults.append(f"config.json has {name}: {value!r}, which is no list of numbers")
        return []


def language_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What config.json says of the language model: its own level, or the one below that is the language model's."""
    for name in LANGUAGE:
        part = config.get(name)
        if isinstance(part, Mapping) and part:
            return part
    return config


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
