"""Asks MCP servers over streamable HTTP, by the `mcp` package: each time over a connection of its own.

No redirect is followed to another origin. What goes wrong is told in words that hold no address and no header.
"""

import asyncio
import importlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from scoring.responses.tools.servers import Server, Tool

Answer = TypeVar("Answer")

logger = logging.getLogger("scoring")

SECONDS = 60.0  # for a list of tools, or for a call
MOST_PAGES = 20  # of a list of tools
MOST_TOOLS = 256
LONGEST_OUTPUT = 256 * 1024  # characters of what a call returns: the model reads it
TALKATIVE = ("mcp", "httpx2", "httpcore2")  # they log addresses and answers, in which there may be secrets


class RemoteFault(Exception):
    """Why a server has not answered, in words for a client and for the model."""


async def list_tools(server: Server) -> list[Tool]:
    """Return the server's tools as an item `mcp_list_tools` has them. Raises `RemoteFault`."""

    async def listed(client: Any) -> list[Tool]:
        found: list[Tool] = []
        cursor = None
        for _ in range(MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += [_tool(tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[:MOST_TOOLS]

    return await _ask(server, listed)


async def call_tool(server: Server, name: str, arguments: str) -> str:
    """Return what a call returns. Raises `RemoteFault`, also where the tool says that it has failed."""
    try:
        given = json.loads(arguments)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise RemoteFault("The arguments are no JSON object.")

    async def called(client: Any) -> str:
        result = await client.call_tool(name, given)
        text = "\n".join(_text(part) for part in result.content)[:LONGEST_OUTPUT]
        if result.is_error:
            raise RemoteFault(text or "The tool has failed.")
        return text

    return await _ask(server, called)


async def _ask(server: Server, question: Callable[[Any], Awaitable[Answer]]) -> Answer:
    try:
        async with asyncio.timeout(SECONDS), _connected(server) as client:
            return await question(client)
    except TimeoutError as error:
        raise RemoteFault(f"The MCP server has not answered within {SECONDS:g} seconds.") from error
    except Exception as error:
        cause = _innermost(error)
        if isinstance(cause, RemoteFault):
            raise cause from None
        logger.warning("[mcp] %s has not answered: %s", server.host, type(cause).__name__)
        raise RemoteFault(_words(cause)) from None


@asynccontextmanager
async def _connected(server: Server) -> AsyncIterator[Any]:
    try:
        mcp, transports, http = await asyncio.to_thread(_packages)  # slow the first time
    except ImportError as error:
        raise RemoteFault("The `mcp` package, which asks MCP servers, is not installed on this server.") from error
    async with http.AsyncClient(headers=server.headers, timeout=SECONDS) as connection:
        transport = transports.streamable_http_client(server.url, http_client=connection)
        async with mcp.Client(transport, read_timeout_seconds=SECONDS, cache=None) as client:
            yield client


def _packages() -> list[Any]:
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return [importlib.import_module(name) for name in ("mcp", "mcp.client.streamable_http", "httpx2")]


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _words(error: BaseException) -> str:
    """Return what a server says itself; of faults on the way to it only their kind, since they may name addresses."""
    if type(error).__name__ == "MCPError" and "http" not in str(error).lower():
        return f"The MCP server refuses: {str(error)[:300]}"
    return f"The MCP server has not answered: {type(error).__name__}."


def _tool(tool: Any) -> Tool:
    annotations = tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else None
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "annotations": annotations,
    }


def _text(part: Any) -> str:
    """Return a part of a result as text: what is no text is told as JSON, without its data."""
    if part.type == "text":
        text: str = part.text
        return text
    told = part.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"data", "blob"})
    return json.dumps(told, ensure_ascii=False)
