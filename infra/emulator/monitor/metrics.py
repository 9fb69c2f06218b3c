"""The metrics that Azure Monitor has of endpoints and deployments, made of what the recorder was told.

Names, units, aggregations and dimensions: Azure Monitor "Supported metrics", of both resource types. How busy a GPU or
a CPU is cannot be seen here: an instance counts as busy while it works on at least one request, which is also what a
GPU's utilization says of a model that generates tokens. A deployment's requests stand for its connections.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.emulator.monitor.clock import MINUTE
from infra.emulator.monitor.recorder import Answered, Minute
from infra.emulator.state.store import key_of
from infra.emulator.world import World

Dimensions = tuple[tuple[str, str], ...]
Condition = Callable[[Mapping[str, str]], bool]
STATUS = ("deployment", "statusCode", "statusCodeClass", "modelStatusCode")
PERCENTILES = {"RequestLatency_P50": 50, "RequestLatency_P90": 90, "RequestLatency_P95": 95, "RequestLatency_P99": 99}


@dataclass(frozen=True)
class Metric:
    """A metric of one type of resource."""

    name: str
    unit: str
    dimensions: tuple[str, ...]
    of: str = "onlineEndpoints"
    aggregations: tuple[str, ...] = ("Average", "Minimum", "Maximum", "Total", "Count")


METRICS = (
    Metric("RequestsPerMinute", "Count", STATUS),
    Metric("RequestLatency", "MilliSeconds", ("deployment",)),
    *(Metric(name, "MilliSeconds", ("deployment",)) for name in PERCENTILES),
    Metric("ConnectionsActive", "Count", ()),
    Metric("CpuUtilizationPercentage", "Percent", ("instanceId",), "deployments", ("Average", "Minimum", "Maximum")),
    Metric("GpuUtilizationPercentage", "Percent", ("instanceId",), "deployments", ("Average", "Minimum", "Maximum")),
    Metric("DeploymentCapacity", "Count", ("instanceId", "State"), "deployments", ("Average", "Minimum", "Maximum")),
)


@dataclass(frozen=True)
class Point:
    """What was measured in one minute."""

    minute: int
    """Its first second."""
    values: tuple[float, ...]

    def aggregate(self, how: str) -> float:
        """One of Average, Minimum, Maximum, Total and Count."""
        return aggregate(self.values, how)


def aggregate(values: Sequence[float], how: str) -> float:
    """The values as one: their average, minimum (Min), maximum (Max), total (Sum), number or last."""
    if how in ("Minimum", "Min"):
        return min(values)
    if how in ("Maximum", "Max"):
        return max(values)
    if how in ("Total", "Sum"):
        return math.fsum(values)
    if how == "Count":
        return float(len(values))
    return values[-1] if how == "Last" else math.fsum(values) / len(values)


def find_metric(resource_id: str, name: str) -> Metric | None:
    """The metric of this name (in any case) that the resource's type has."""
    return next((each for each in of_type(resource_id) if each.name.lower() == name.lower()), None)


def of_type(resource_id: str) -> list[Metric]:
    """The metrics that the resource's type has."""
    type = resource_id.rstrip("/").split("/")[-2].lower()
    return [each for each in METRICS if each.of.lower() == type]


class Query:
    """The series of one metric of one resource, split by those `dimensions`, of what a condition lets through."""

    def __init__(self, world: World, resource_id: str, metric: Metric) -> None:
        self._world = world
        self._id = resource_id
        self._metric = metric

    def series(
        self, begin: float, end: float, split: Sequence[str] = (), condition: Condition = lambda _: True
    ) -> dict[Dimensions, list[Point]]:
        """The points of each series in the whole minutes between two moments; minutes without a value have none."""
        found: dict[Dimensions, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for dimensions, minute, value in self._values(begin, end):
            if condition(dimensions):
                found[tuple((name, dimensions[name]) for name in split)][minute].append(value)
        return {key: [self._point(*each) for each in sorted(minutes.items())] for key, minutes in found.items()}

    def _point(self, minute: int, values: list[float]) -> Point:
        name = self._metric.name
        if name in ("RequestsPerMinute", "ConnectionsActive"):
            return Point(minute, (math.fsum(values),))
        if name in PERCENTILES:
            return Point(minute, (percentile(values, PERCENTILES[name]),))
        return Point(minute, tuple(values))

    def _values(self, begin: float, end: float) -> Iterator[tuple[dict[str, str], int, float]]:
        for id in self._deployments():
            name = id.rpartition("/")[2]
            for first_second, minute in self._world.recorder.between(id, begin, end):
                for dimensions, value in self._of_minute(name, minute):
                    yield dimensions, first_second, value

    def _of_minute(self, deployment: str, minute: Minute) -> Iterator[tuple[dict[str, str], float]]:
        metric = self._metric.name
        if metric == "RequestsPerMinute":
            for answered in minute.answered:
                yield _statuses(deployment, answered), 1.0
            if minute.instances and not minute.answered and self._world.settings["monitor_counts_silence"]:
                yield dict.fromkeys(STATUS, "") | {"deployment": deployment}, 0.0
        elif metric == "ConnectionsActive":
            if minute.instances or minute.begun:
                yield {}, float(minute.most)
        elif metric.startswith("RequestLatency"):
            for answered in minute.answered:
                yield {"deployment": deployment}, answered.latency
        else:
            for number in range(minute.instances or 0):
                share = min(100.0, 100 * minute.busy.get(number, 0.0) / MINUTE)
                value = 1.0 if metric == "DeploymentCapacity" else share
                yield {"instanceId": str(number), "State": "Ready"}, value

    def _deployments(self) -> list[str]:
        if self._metric.of == "deployments":
            return [self._id]
        return [each["id"] for each in self._world.store.children(self._id, "deployments")]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` percent of the values are, interpolated between the two nearest."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share / 100
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def same(one: str, other: str) -> bool:
    """Whether two resource ids name the same resource."""
    return key_of(one) == key_of(other)


def _statuses(deployment: str, answered: Answered) -> dict[str, str]:
    status = str(answered.status)
    return {
        "deployment": deployment,
        "statusCode": status,
        "statusCodeClass": f"{status[0]}xx",
        "modelStatusCode": str(answered.model_status or ""),
    }
