"""What both fronts have counted, as one: counters and histograms add up, a gauge is the one of the front at work."""

import copy
import importlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scoring.engine.fronts.asking import ask_front

logger = logging.getLogger("scoring")

ADDED = ("counter", "histogram")
BUCKET = "_bucket"
# vllm-rs counts the requests that it refuses, which its relay asks vLLM's Python app once more, and our own scrapes.
HANDLER, SCRAPE = "handler", "/metrics"
STATUS, ANSWERED = "status", "2xx"

Choose = Callable[[float, float], float]  # of a gauge's two values: the Python front's, the Rust front's


async def rust_families(socket_path: str) -> list[Any]:
    """Return the families of metrics that the Rust front tells; raises OSError or ValueError where it cannot."""
    # vLLM's package: not before it is there.
    parser: Any = importlib.import_module("prometheus_client.openmetrics.parser")
    status, body = await ask_front(socket_path, "GET", "/metrics")
    if status != 200:
        raise ValueError(f"/metrics answered {status}")
    families = list(parser.text_string_to_metric_families(body.decode()))
    for family in families:
        family.samples = [sample for sample in family.samples if _counts(sample.labels)]
    return families


def _counts(labels: dict[str, str]) -> bool:
    return labels.get(HANDLER) != SCRAPE and labels.get(STATUS, ANSWERED) == ANSWERED


def merged(python: Iterable[Any], rust: Iterable[Any], choose: Choose) -> Iterator[Any]:
    """Join the families of two fronts by their names, and their samples by their labels.

    Of histograms with different buckets those stay that both have: buckets are cumulative, so that their sums hold.
    """
    others = {family.name: family for family in rust}
    for family in python:
        other = others.pop(family.name, None)
        if other is not None:
            family.samples = list(_samples(family, other, choose))
        yield family
    yield from (copy.copy(family) for family in others.values() if family.samples)


def _samples(family: Any, other: Any, choose: Choose) -> Iterator[Any]:
    theirs = {_key(sample): sample for sample in other.samples}
    series = {_series(sample) for sample in other.samples}
    ours = {_series(sample) for sample in family.samples}
    for sample in family.samples:
        match = theirs.pop(_key(sample), None)
        if match is None:
            if not (sample.name.endswith(BUCKET) and _series(sample) in series):
                yield sample
        elif family.type in ADDED:
            yield sample._replace(value=sample.value + match.value)
        else:
            yield sample._replace(value=choose(sample.value, match.value))
    for sample in theirs.values():
        if not (sample.name.endswith(BUCKET) and _series(sample) in ours):
            yield sample


def _key(sample: Any) -> tuple[Any, ...]:
    labels = {name: float(value) if name == "le" else value for name, value in sample.labels.items()}
    return (sample.name, *sorted(labels.items(), key=lambda label: label[0]))


def _series(sample: Any) -> tuple[Any, ...]:
    return (sample.name, *sorted((name, value) for name, value in sample.labels.items() if name != "le"))
