"""`tool_choice` in all of its forms: which of the offered functions the model gets, and whether it must call one."""

from dataclasses import dataclass
from typing import Any

from scoring.responses.tools.hosted import invalid, refusal
from scoring.responses.tools.offered import Offered, chat_name

MODES = ("auto", "none", "required")
BY_TYPE = ("shell", "local_shell", "apply_patch")
SAID_ALONE = ("function", "custom", "shell", "apply_patch", "mcp")  # a choice of another type OpenAI does not tell
FORMS = "'auto', 'none', 'required', or an object of type function, custom, allowed_tools, shell, apply_patch or mcp"


@dataclass(frozen=True)
class Choice:
    """What is told back, what the model is offered, and a mode of `MODES` or the function that it must call."""

    said: Any
    offered: list[Offered]
    mode: str | Offered
    remote: list[tuple[str, str | None]] | None = None  # tools of MCP servers by label and name; None: all of them


def read_choice(given: Any, offered: list[Offered], servers: list[str]) -> Choice:
    """Read `tool_choice` beside what is declared; `servers` are labels of MCP servers. Raises `Problem` (400)."""
    if isinstance(given, str):
        if given not in MODES:
            raise invalid("tool_choice", f"must be {FORMS}, not {given!r:.60}")
        return Choice(given, offered, _possible(given, [*offered, *servers], "tool_choice"))
    if not isinstance(given, dict):
        raise invalid("tool_choice", f"must be {FORMS}, not {given!r:.60}")
    if given.get("type") == "allowed_tools":
        return _allowed(given, offered, servers)
    if given.get("type") == "mcp":
        return Choice(given, [], "required", [_remote(given, servers, "tool_choice")])
    said, chosen = _chosen(given, offered, "tool_choice")
    if said["type"] not in SAID_ALONE:
        said = {"type": "allowed_tools", "mode": "required", "tools": [said]}
    return Choice(said, offered, chosen[0] if len(chosen) == 1 else "required")


def _allowed(given: dict[str, Any], offered: list[Offered], servers: list[str]) -> Choice:
    given = {**given.get("allowed_tools", {}), **given} if isinstance(given.get("allowed_tools"), dict) else given
    mode, tools = given.get("mode") or "auto", given.get("tools")
    if mode not in MODES:
        raise invalid("tool_choice.mode", f"must be 'auto' or 'required', not {mode!r:.60}")
    if not isinstance(tools, list) or not tools:
        raise invalid("tool_choice.tools", "must be a list of at least one tool")
    if mode == "none":
        return Choice(mode, offered, mode)
    said: list[Any] = []
    names: set[str] = set()
    remote: list[tuple[str, str | None]] = []
    for number, tool in enumerate(tools):
        where = f"tool_choice.tools.{number}"
        if isinstance(tool, dict) and tool.get("type") == "mcp":
            remote.append(_remote(tool, servers, where))
            said.append(tool)
        else:
            one, chosen = _chosen(tool, offered, where)
            said.append(one)
            names |= {offer.name for offer in chosen}
    allowed = [one for one in offered if one.name in names]
    mode = _possible(mode, [*allowed, *remote], "tool_choice.mode")
    return Choice({"type": "allowed_tools", "mode": mode, "tools": said}, allowed, mode, remote)


def _remote(given: dict[str, Any], servers: list[str], where: str) -> tuple[str, str | None]:
    label, name = given.get("server_label"), given.get("name")
    if label not in servers:
        raise invalid(
            f"{where}.server_label", f"is {label!r:.80}, and no MCP server of this label is declared in tools"
        )
    if name is not None and not isinstance(name, str):
        raise invalid(f"{where}.name", "must be a text")
    return str(label), name


def _chosen(given: Any, offered: list[Offered], where: str) -> tuple[dict[str, Any], list[Offered]]:
    """Return how the choice of one tool is told back, and what is chosen by it."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind in ("function", "custom", "namespace"):
        return _by_name(given, offered, where)
    if kind not in BY_TYPE:
        raise refusal(kind, where)
    found = [one for one in offered if one.kind == kind]
    if not found:
        raise invalid(where, f"is of type {kind!r}, and no such tool is declared")
    return given, found


def _by_name(given: dict[str, Any], offered: list[Offered], where: str) -> tuple[dict[str, Any], list[Offered]]:
    kind = given["type"]
    inner = given.get("function") or given.get("custom")
    name = given.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    if kind == "namespace":
        found = [one for one in offered if one.namespace is not None and one.namespace == name]
    else:
        found = [one for one in offered if one.kind == kind and _is_called(one, given.get("namespace"), name)]
    if not found:
        raise invalid(f"{where}.name", f"is {name!r:.80}, and no {kind} of this name is declared in tools")
    said = {member: value for member, value in given.items() if member not in ("function", "custom")}
    return {**said, "name": name}, found[:1] if kind != "namespace" else found


def _is_called(one: Offered, namespace: Any, name: Any) -> bool:
    """Whether a choice means this function, by its own name, maybe beside its namespace, or by the joined one."""
    if namespace is not None:
        return (one.namespace, one.declared["name"]) == (namespace, name)
    return name in (one.name, one.declared["name"], chat_name(one.namespace, one.declared["name"]))


def _possible(mode: str, offered: list[Any], where: str) -> str:
    if mode == "required" and not offered:
        raise invalid(where, "is 'required', and no tools are declared")
    return mode
