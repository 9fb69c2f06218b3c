"""The tools of one request: as declared, as chat functions, and how a call of one becomes an item and back."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tools:
    """What a request declares; `chat` are the members that the chat request gets."""

    declared: list[dict[str, Any]] = field(default_factory=list)
    choice: Any = "auto"
    parallel: bool = True
    chat: dict[str, Any] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """Return what the response object repeats."""
        return {"tools": self.declared, "tool_choice": self.choice, "parallel_tool_calls": self.parallel}


def read_tools(given: dict[str, Any]) -> Tools:
    """Read `tools`, `tool_choice` and `parallel_tool_calls` of a request. Raises `Problem` (400)."""
    declared = [{"description": None, "parameters": None, "strict": None, **tool} for tool in given.get("tools", [])]
    tools = Tools(declared, given.get("tool_choice", "auto"), given.get("parallel_tool_calls", True))
    if declared:
        names = ("name", "description", "parameters", "strict")
        functions = [{name: tool[name] for name in names if tool[name] is not None} for tool in declared]
        tools.chat = {
            "tools": [{"type": "function", "function": function} for function in functions],
            "tool_choice": tools.choice,
        }
    return tools
