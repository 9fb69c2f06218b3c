"""GET /metrics: both fronts of every engine under vLLM's names, and what this server adds, as one Prometheus text."""

import asyncio
from collections.abc import Iterator
from typing import Any

from scoring.engine.client import VllmEngine
from scoring.web.service import Service

CONTENT_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
SECONDS = 5.0  # for the Rust front to tell its own; then what it told last is taken
FRONTS = ("rust", "python")


async def metrics_text(service: Service) -> bytes:
    """Return the text, in Prometheus' own format."""
    from prometheus_client import generate_latest  # vLLM's package: not before it is there

    async with asyncio.TaskGroup() as group:
        for engine in service.engines:
            group.create_task(engine.read_rust_metrics(SECONDS))
    return generate_latest(_Collected(service))


class _Collected:
    """What prometheus_client takes for a registry."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Any]:
        """Return all families."""
        from prometheus_client import REGISTRY

        families = REGISTRY.collect()
        for engine in self._service.engines:
            families = engine.with_rust_metrics(families)
        yield from families
        yield from self._service.counts.families()
        yield _fronts(self._service.engines)


def _fronts(engines: list[VllmEngine]) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily("gatelift_front", "Whether a front of vLLM answers.", labels=("model_name", "front"))
    for engine in engines:
        for front in FRONTS:
            family.add_metric((engine.names[0], front), front in engine.fronts)
    return family
