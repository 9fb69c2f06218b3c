"""The metrics of several engines in one registry.

vLLM unregisters the collectors of an earlier engine when the next one starts, so that only the last would be seen.
"""

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

PREFIX = "vllm:"


class EngineMetrics:
    """Holds the collectors of all engines; families of one name become one, told apart by the label `model_name`."""

    def __init__(self, registry: Any = None) -> None:
        self._registry = registry
        self._kept: list[Any] = []

    def keep(self) -> None:
        """Take over what the engine that has just started has registered, out of the reach of the next one."""
        # Not before vLLM is there, whose package this is.
        self._registry = self._registry or importlib.import_module("prometheus_client").REGISTRY
        collectors = getattr(self._registry, "_collector_to_names", {})
        found = [c for c in collectors if c is not self and getattr(c, "_name", "").startswith(PREFIX)]
        for collector in found:
            self._registry.unregister(collector)
        if found and not self._kept:
            self._registry.register(self)
        self._kept += found

    def describe(self) -> Iterable[Any]:
        """Name nothing: the names are vLLM's, and must stay free for the next engine."""
        return ()

    def collect(self) -> Iterator[Any]:
        """Return the families of all engines."""
        families: dict[str, Any] = {}
        for collector in self._kept:
            for metric in collector.collect():
                if metric.name in families:
                    families[metric.name].samples.extend(metric.samples)
                else:
                    families[metric.name] = metric
        yield from families.values()
