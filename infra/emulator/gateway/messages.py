"""HTTP messages as Azure's services read and write them: a whole body in, a JSON reply with Azure's headers out."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from infra.emulator.errors import ServiceError

MAX_BODY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """The answer of a handler; a `body` of None means no content."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request, names in lower case."""
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(receive: Receive) -> bytes:
    """The whole body; 413 where it is larger than Resource Manager accepts."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise ServiceError(413, "RequestContentTooLarge", f"The request content exceeds {MAX_BODY} bytes.")
        if not message.get("more_body"):
            return bytes(body)


async def respond(send: Send, reply: Reply, request_headers: dict[str, str], *, head: bool = False) -> None:
    """Send a reply with the headers that every answer of Azure carries."""
    request_id = str(uuid.uuid4())
    body = b"" if reply.body is None else json.dumps(reply.body).encode()
    headers = {
        "content-length": str(len(body)),
        "cache-control": "no-cache",
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request_headers.get("x-ms-correlation-request-id", request_id),
        "x-ms-routing-request-id": f"LOCAL:{request_id}",
        "x-content-type-options": "nosniff",
        **reply.headers,
    }
    if body:
        headers["content-type"] = "application/json; charset=utf-8"
    if client_id := request_headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = client_id
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else body})
