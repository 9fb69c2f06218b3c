"""One declared tool: checked, told back with all its members, and as the chat functions that the model is offered."""

from typing import Any

from scoring.checks.custom_formats import fault_of
from scoring.responses.tools import actions
from scoring.responses.tools.hosted import invalid, refusal
from scoring.responses.tools.offered import LONGEST_NAME, Offered, chat_name

Tool = dict[str, Any]
NO_PARAMETERS = {"type": "object", "properties": {}}
TEXT = {"type": "text"}


def read_tool(given: Any, where: str) -> tuple[Tool, list[Offered]]:
    """Return a tool as it is told back, and what it offers; `where` is its place, such as `tools.2`.

    Raises `Problem` (400) with the member at fault.
    """
    if not isinstance(given, dict):
        raise invalid(where, "must be an object")
    kind = given.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise refusal(kind, where)
    return reader({name: value for name, value in given.items() if value is not None}, where)


def _function(given: Tool, where: str, namespace: str | None = None) -> tuple[Tool, list[Offered]]:
    if "name" not in given and isinstance(given.get("function"), dict):
        raise invalid(f"{where}.name", "is missing: here the members of `function` stand beside `type`")
    name = _name(given, where)
    _expect(given, where, {"description": str, "parameters": dict, "strict": bool})
    told = {**given, "description": given.get("description"), "parameters": given.get("parameters")}
    told["strict"] = given.get("strict", False)
    function = {"name": chat_name(namespace, name), **_described(given)}
    function["parameters"] = given.get("parameters", NO_PARAMETERS)
    if told["strict"]:
        function["strict"] = True
    return told, [Offered(function["name"], "function", function, told, namespace)]


def _custom(given: Tool, where: str, namespace: str | None = None) -> tuple[Tool, list[Offered]]:
    name = _name(given, where)
    _expect(given, where, {"description": str, "format": dict})
    told = {**given, "format": _format(given.get("format", TEXT), f"{where}.format")}
    function = {"name": chat_name(namespace, name), **_described(given)}
    function["parameters"] = {
        "type": "object",
        "properties": {"input": {"type": "string", "description": _input_said(told["format"])}},
        "required": ["input"],
        "additionalProperties": False,
    }
    return told, [Offered(function["name"], "custom", function, told, namespace)]


def _namespace(given: Tool, where: str) -> tuple[Tool, list[Offered]]:
    name = _name(given, where)
    _expect(given, where, {"description": str, "tools": list})
    told, offered = {"description": "", **given, "tools": []}, []
    for number, tool in enumerate(given.get("tools", [])):
        place = f"{where}.tools.{number}"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in ("function", "custom"):
            raise invalid(f"{place}.type", f"is {kind!r:.60}; a namespace holds functions and custom tools")
        reader = _function if kind == "function" else _custom
        one, offers = reader({key: value for key, value in tool.items() if value is not None}, place, name)
        told["tools"].append(one)
        offered += [offer.within(told["description"]) for offer in offers]
    return told, offered


def _shell(given: Tool, where: str) -> tuple[Tool, list[Offered]]:
    _expect(given, where, {"environment": dict})
    kind = given.get("environment", {}).get("type", "local")
    if kind != "local":
        raise invalid(f"{where}.environment.type", f"is {kind!r:.60}: there are no containers here; use 'local'")
    return _action(given, where)


def _action(given: Tool, _: str) -> tuple[Tool, list[Offered]]:
    kind = given["type"]
    return given, [Offered(kind, kind, actions.FUNCTIONS[kind], given)]


READERS = {
    "function": _function, "custom": _custom, "namespace": _namespace,
    "shell": _shell, "local_shell": _action, "apply_patch": _action,
}  # fmt: skip
KINDS_OF_JSON = {str: "a text", dict: "an object", list: "a list", bool: "true or false"}


def _name(given: Tool, where: str) -> str:
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise invalid(f"{where}.name", f"must be a text of 1 to {LONGEST_NAME} characters, not {name!r:.60}")
    return name


def _expect(given: Tool, where: str, kinds: dict[str, type]) -> None:
    for name, kind in kinds.items():
        if name in given and not isinstance(given[name], kind):
            raise invalid(f"{where}.{name}", f"must be {KINDS_OF_JSON[kind]}, not {given[name]!r:.60}")


def _described(given: Tool) -> Tool:
    return {"description": given["description"]} if "description" in given else {}


def _format(given: Tool, where: str) -> Tool:
    kind = given.get("type")
    if kind == "text":
        return given
    if kind != "grammar":
        raise invalid(f"{where}.type", f"must be 'text' or 'grammar', not {kind!r:.60}")
    if given.get("syntax") not in ("lark", "regex"):
        raise invalid(f"{where}.syntax", f"must be 'lark' or 'regex', not {given.get('syntax')!r:.60}")
    if not isinstance(given.get("definition"), str) or not given["definition"]:
        raise invalid(f"{where}.definition", "must be a text that is not empty")
    fault = fault_of(given["syntax"], given["definition"])
    if fault:
        raise invalid(f"{where}.definition", f"is no {given['syntax']} that can be followed: {fault[:200]}")
    return given


def _input_said(given: Tool) -> str:
    if given["type"] == "text":
        return "The input as free text."
    what = "match this regular expression" if given["syntax"] == "regex" else "follow this Lark grammar"
    return f"The input as text. It must {what}:\n{given['definition']}"
