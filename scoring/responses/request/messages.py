"""Items of type `message`: who says something, and its parts."""

from typing import Any

from scoring.responses.request.parts import message_parts, text_part
from scoring.responses.request.values import invalid, missing, one_of, refused

SYSTEM = ("system", "developer")  # templates know the first only
ROLES = ("user", "assistant", *SYSTEM)
# Members of a chat message whose meaning an item of another type has here.
ELSEWHERE = {
    "tool_calls": "an item of type function_call for each call",
    "function_call": "an item of type function_call",
    "tool_call_id": "an item of type function_call_output",
}


def read_message(item: dict[str, Any], place: str) -> dict[str, Any]:
    """Read a message without null members. Raises `Problem` (400)."""
    role = item.get("role")
    if role is None:
        raise missing(f"{place}.role", ", ".join(ROLES))
    if role == "tool":
        raise invalid(f"{place}.role", f"{place}.role is tool: send {ELSEWHERE['tool_call_id']}.")
    one_of(ROLES)(role, f"{place}.role")
    for name, instead in ELSEWHERE.items():
        if item.get(name):
            raise invalid(f"{place}.{name}", f"{place}.{name} is no member of a message: send {instead}.")
    assistant = role == "assistant"
    content = item.get("content", [])
    if isinstance(content, str):
        parts = [text_part(content, assistant=assistant)]
    elif isinstance(content, list):
        parts = message_parts(content, f"{place}.content", assistant=assistant)
    else:
        raise refused(f"{place}.content", content, "a text or a list of parts")
    return {**item, "content": parts}
