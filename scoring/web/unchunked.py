"""Answers to HTTP/1.0, which has no chunks: where the length is not known, the body ends with the connection.

uvicorn sends chunks to every client: `httptools_impl.RequestResponseCycle.send`.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class UnchunkedCycle(RequestResponseCycle):
    """One request of HTTP/1.0 and its answer."""

    unframed = False

    async def send(self, message: Any) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.body":
            if self.unframed:
                self.expected_content_length = len(message.get("body", b""))
        elif all(name.lower() != b"content-length" for name, _ in message.get("headers", ())):
            self.unframed, self.chunked_encoding, self.keep_alive = True, False, False
        await super().send(message)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with other answers to HTTP/1.0."""

    def on_headers_complete(self) -> None:
        """Begin to answer a request whose head has arrived."""
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.__class__ = UnchunkedCycle
