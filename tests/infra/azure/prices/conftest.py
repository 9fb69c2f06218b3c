"""A server in the place of Azure's Retail Prices API, which answers what a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

SIZE = "Standard_NC24ads_A100_v4"


class DayClock:
    """A clock at noon of a day, which a test may move."""

    def __init__(self, day: str = "2026-11-30") -> None:
        self.moment = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)

    def now(self) -> float:
        return self.moment.timestamp()

    def utc(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits for a price")


class RetailServer:
    """Counts requests; `answer` is a status with a body, `held` keeps it from answering at all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[str], tuple[int, Any]] = lambda _: (200, {"Items": []})
        self.held = False
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/api/retail/prices"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                if server.held:
                    server.released.wait()
                    return
                status, body = server.answer(self.path)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                return

        return Handler


@pytest.fixture
def retail() -> Iterator[RetailServer]:
    server = RetailServer()
    yield server
    server.close()


@pytest.fixture
def clock() -> DayClock:
    return DayClock()


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """A row of the API for pay as you go on Linux, with changes."""

    def make(price: float = 3.673, **changes: Any) -> dict[str, Any]:
        return {
            "currencyCode": "USD",
            "retailPrice": price,
            "armRegionName": "eastus",
            "effectiveStartDate": "2024-11-01T00:00:00Z",
            "meterName": "NC24ads A100 v4",
            "productName": "Virtual Machines NCadsA100v4 Series",
            "skuName": "NC24ads A100 v4",
            "serviceName": "Virtual Machines",
            "unitOfMeasure": "1 Hour",
            "tierMinimumUnits": 0.0,
            "type": "Consumption",
            "isPrimaryMeterRegion": True,
            "armSkuName": SIZE,
            **changes,
        }

    return make
