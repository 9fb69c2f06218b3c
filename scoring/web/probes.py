"""The health routes: answered in each state of the process, by anyone, without a key."""

from collections.abc import Callable
from typing import Any

from scoring.asgi import Send, send_bytes, send_json
from scoring.web.service import Service

Probe = Callable[[Service], tuple[int, dict[str, Any] | None]]


def live(service: Service) -> tuple[int, dict[str, Any] | None]:
    """Tell that the process runs."""
    return 200, {"status": "alive"}


def ready(service: Service) -> tuple[int, dict[str, Any] | None]:
    """Tell whether requests are taken, and how far the start is."""
    return 200 if service.ready else 503, service.readiness()


def health(service: Service) -> tuple[int, dict[str, Any] | None]:
    """Tell the same as vLLM's own probe does: by the status alone."""
    return 200 if service.ready else 503, None


PROBES: dict[str, Probe] = {"/health": health, "/health/live": live, "/health/ready": ready}


async def answer_probe(probe: Probe, service: Service, send: Send) -> None:
    """Send what a probe says."""
    status, document = probe(service)
    if document is None:
        await send_bytes(send, status, b"", ())
    else:
        await send_json(send, status, document)
