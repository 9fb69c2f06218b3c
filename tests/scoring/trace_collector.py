"""A collector of OpenTelemetry's spans that takes them over HTTP, as small as it can be."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """What has been sent: spans with the name of the service that sent them."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        self.url = ""

    def take(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = [one.value.string_value for one in group.resource.attributes if one.key == "service.name"]
            self.spans += [(names[0] if names else "", span) for scope in group.scope_spans for span in scope.spans]

    def wait_for(self, wanted: Callable[[Any], bool], limit: float = 30) -> tuple[str, Any]:
        """Return the first span that is wanted, and its service."""
        deadline = time.monotonic() + limit
        while not (found := [entry for entry in self.spans if wanted(entry[1])]):
            assert time.monotonic() < deadline, [span.name for _, span in self.spans]
            time.sleep(0.05)
        return found[0]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector on loopback; its URL is the base that clients are told."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
