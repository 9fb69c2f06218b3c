"""Tools that OpenAI runs on its own machines: what to do instead."""

from typing import Any

from scoring.problems import INVALID, Problem

SERVED = "function, custom, namespace, shell, local_shell, apply_patch and mcp"
YOURSELF = "run it in your client, and declare it as a function or a custom tool"
INSTEAD = {
    "web_search": f'leave it out (Codex: `web_search = "disabled"`), or {YOURSELF}',
    "file_search": YOURSELF,
    "code_interpreter": "declare `shell` with a local environment, or a custom tool, and run the code in your client",
    "image_generation": YOURSELF,
    "computer": YOURSELF,
    "tool_search": "declare every tool that the model may call; `defer_loading` is taken, and loads at once",
    "programmatic_tool_calling": "let the model call the tools themselves",
}


def refusal(kind: Any, where: str) -> Problem:
    """Return why a tool of this type is refused; `where` is its place in the request, such as `tools.2`."""
    if not isinstance(kind, str):
        return invalid(f"{where}.type", f"is missing or no text: one of {SERVED}")
    instead = next((way for name, way in INSTEAD.items() if kind.startswith(name)), None)
    if instead is None:
        return invalid(f"{where}.type", f"is {kind[:60]!r}, which is not known here; served are {SERVED}")
    return invalid(f"{where}.type", f"is {kind[:60]!r}, a hosted tool, which is not served here: {instead}")


def invalid(where: str, words: str) -> Problem:
    """Return the refusal (400) of a member of the request."""
    return Problem(400, f"{where} {words}.", param=where, kind=INVALID)
