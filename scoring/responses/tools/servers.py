"""MCP servers as a request declares them: where they are, what is sent to them, and which of their tools count."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from scoring.responses.tools.hosted import invalid
from scoring.responses.tools.offered import LONGEST_NAME, Offered, chat_name

Tool = dict[str, Any]  # as an item `mcp_list_tools` has it
ALWAYS, NEVER = "always", "never"
SECRET = ("headers", "authorization")  # never told back, kept or logged
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Server:
    """One MCP server; `place` is that of its declaration, `said` is what the response object repeats."""

    label: str
    place: str
    host: str  # with its port, if that is not its scheme's own
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    description: str
    allowed: Any
    approval: Any
    said: dict[str, Any] = field(repr=False)

    def offer(self, tool: Tool) -> Offered | None:
        """Return a tool of the server as a chat function; None if it is not to be called."""
        if self.allowed is not None and not _matches(self.allowed, tool):
            return None
        function = {"name": chat_name(self.label, tool["name"]), "parameters": tool["input_schema"]}
        if tool.get("description"):
            function["description"] = tool["description"]
        kind = "mcp_approval" if self._asks(tool) else "mcp"
        one = Offered(function["name"], kind, function, {"name": tool["name"], "server_label": self.label})
        return one.within(self.description)

    def _asks(self, tool: Tool) -> bool:
        """Whether somebody has to approve a call of this tool."""
        if isinstance(self.approval, str):
            return self.approval != NEVER
        never, always = self.approval.get(NEVER), self.approval.get(ALWAYS)
        if never is not None and _matches(never, tool):
            return False
        return always is None or never is not None or _matches(always, tool)


def read_server(given: Any, where: str) -> Server:
    """Read a declaration. Raises `Problem` (400) with the member at fault; its value may be secret, and is not told."""
    given = {name: value for name, value in given.items() if value is not None}
    label = given.get("server_label")
    if not isinstance(label, str) or not 0 < len(label) <= LONGEST_NAME or not label.isprintable():
        raise invalid(f"{where}.server_label", f"must be a text of 1 to {LONGEST_NAME} characters")
    for name in ("connector_id", "tunnel_id"):
        if name in given:
            raise invalid(f"{where}.{name}", "is not served here: give the server's own server_url")
    host, url, shown = _address(given.get("server_url"), f"{where}.server_url")
    said = {name: value for name, value in given.items() if name not in SECRET} | {"server_url": shown}
    return Server(
        label=label,
        place=where,
        host=host,
        url=url,
        headers=_headers(given, where),
        description=_description(given.get("server_description", ""), f"{where}.server_description"),
        allowed=_allowed(given.get("allowed_tools"), f"{where}.allowed_tools"),
        approval=_approval(given.get("require_approval", ALWAYS), f"{where}.require_approval"),
        said={"require_approval": ALWAYS, **said},
    )


def _address(given: Any, where: str) -> tuple[str, str, str]:
    """Return host, address, and the address without what may be secret in it."""
    try:
        parts = urlsplit(given if isinstance(given, str) else "")
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        raise invalid(where, "is no URL") from None
    if parts.scheme not in PORTS or not host or parts.username is not None or "\\" in given or not given.isprintable():
        raise invalid(where, "must be an http or https URL without a user's name")
    named = host if port in (None, PORTS[parts.scheme]) else f"{host}:{port}"
    return named, given, urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _description(given: Any, where: str) -> str:
    if not isinstance(given, str):
        raise invalid(where, "must be a text")
    return given


def _headers(given: dict[str, Any], where: str) -> dict[str, str]:
    headers = given.get("headers", {})
    if not isinstance(headers, dict) or not all(_is_line(name) and _is_line(value) for name, value in headers.items()):
        raise invalid(f"{where}.headers", "must be an object of texts of one line each")
    if any(name.lower() in ("host", "content-length", "transfer-encoding") for name in headers):
        raise invalid(f"{where}.headers", "must not say host, content-length or transfer-encoding")
    token = given.get("authorization")
    if token is None:
        return dict(headers)
    if not _is_line(token):
        raise invalid(f"{where}.authorization", "must be a text of one line")
    return {**headers, "Authorization": f"Bearer {token}"}


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _allowed(given: Any, where: str) -> Any:
    if given is None:
        return None
    return _filter({"tool_names": given} if isinstance(given, list) else given, where)


def _approval(given: Any, where: str) -> Any:
    if given in (ALWAYS, NEVER):
        return given
    if not isinstance(given, dict) or not given or set(given) - {ALWAYS, NEVER}:
        raise invalid(where, "must be 'always', 'never', or an object with these members")
    return {name: _filter(value, f"{where}.{name}") for name, value in given.items() if value is not None}


def _filter(given: Any, where: str) -> dict[str, Any]:
    names = given.get("tool_names") if isinstance(given, dict) else 0
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise invalid(where, "must be a list of names, or an object with tool_names or read_only")
    return dict(given)


def _matches(wanted: dict[str, Any], tool: Tool) -> bool:
    names, read_only = wanted.get("tool_names"), wanted.get("read_only")
    hint = (tool.get("annotations") or {}).get("readOnlyHint", False)
    return (names is None or tool["name"] in names) and (read_only is None or bool(hint) == read_only)
