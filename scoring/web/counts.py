"""The requests of this server by route, status and front; one that its client has left counts as 499."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

NONE = ""  # no front was asked


class RequestCounts:
    """Counts requests that have ended."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int, str]] = Counter()

    def note(self, route: str, status: int, front: str = NONE) -> None:
        """Count a request; `route` must be a route's own path, never what a client has sent."""
        self._counts[route, status, front] += 1

    def families(self) -> Iterator[Any]:
        """Return them as a family of prometheus_client."""
        from prometheus_client.core import CounterMetricFamily  # vLLM's package: not before it is there

        family = CounterMetricFamily(
            "gatelift_requests",
            "Requests that have ended; 499: the client left before the end of the answer.",
            labels=("route", "status", "front"),
        )
        for (route, status, front), count in sorted(self._counts.items()):
            family.add_metric((route, str(status), front), count)
        yield family
