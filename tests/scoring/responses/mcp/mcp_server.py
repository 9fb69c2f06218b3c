"""A real MCP server on loopback, in a thread: it adds, fails, takes its time, and keeps the headers that it is sent."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations


@dataclass
class RunningServer:
    """Where it is, and what it has been sent."""

    url: str
    headers: list[dict[str, str]] = field(default_factory=list)


def build() -> MCPServer:
    """Return the server."""
    server = MCPServer("sums")

    @server.tool(description="Adds two numbers.", annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int) -> str:
        return str(a + b)

    @server.tool()
    def fail() -> str:
        raise ValueError("it cannot be done")

    @server.tool()
    async def wait() -> str:
        await asyncio.sleep(30)
        return "late"

    return server


@contextmanager
def running_server() -> Iterator[RunningServer]:
    """Run it for as long as the block."""
    app = build().streamable_http_app()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        one = RunningServer(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                one.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
            await app(scope, receive, send)

        server = uvicorn.Server(uvicorn.Config(noting, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield one
        finally:
            server.should_exit = True
            thread.join()
