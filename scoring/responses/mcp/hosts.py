"""Which MCP servers may be asked: those whose hosts the setting SCORING_MCP_HOSTS names."""

from scoring.responses.tools.hosted import invalid
from scoring.responses.tools.servers import Server

SETTING = "SCORING_MCP_HOSTS"


def check_hosts(servers: list[Server], hosts: frozenset[str]) -> None:
    """Raise `Problem` (400) for a server that this process must not ask."""
    for server in servers:
        if not hosts:
            raise invalid(
                f"{server.place}.type",
                f"is 'mcp', and this server calls no MCP servers: {SETTING}, which names their hosts, is not set",
            )
        if server.host not in hosts:
            raise invalid(f"{server.place}.server_url", f"is on {server.host[:80]}, which {SETTING} does not name")
