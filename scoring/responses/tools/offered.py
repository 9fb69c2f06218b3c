"""A chat function that stands for a declared tool, and the name that it goes by."""

from dataclasses import dataclass, replace
from typing import Any

LONGEST_NAME = 128  # characters of a declared name


@dataclass(frozen=True)
class Offered:
    """One function that the model may call; `kind` is the declared tool's type, `declared` its members."""

    name: str  # the one that the model says
    kind: str
    function: dict[str, Any]  # as chat has it
    declared: dict[str, Any]
    namespace: str | None = None

    def chat(self, *, strict: bool) -> dict[str, Any]:
        """Return the member of a chat request's `tools`.

        The parameters of a function are its client's, strict if it says so; those of other kinds are ours, and calls
        are to keep to them where they can.
        """
        function = {**self.function, "strict": True} if strict and self.kind != "function" else self.function
        return {"type": "function", "function": function}

    def within(self, description: str) -> "Offered":
        """Return it with the description of the namespace or server that it belongs to before its own."""
        told = "\n".join(filter(None, (description, self.function.get("description"))))
        return replace(self, function={**self.function, "description": told}) if told else self

    @property
    def grammar(self) -> dict[str, Any] | None:
        """What a custom tool's input is bound to: a format with `syntax` and `definition`."""
        given: dict[str, Any] = self.declared.get("format") or {}
        return given if self.kind == "custom" and given.get("type") == "grammar" else None


def chat_name(namespace: str | None, name: str) -> str:
    """Return the name of the chat function for a tool: that of its namespace before its own."""
    if not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"
