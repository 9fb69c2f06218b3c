"""The values of Azure Monitor's metrics, and which metrics a resource has.

Source: Microsoft.Insights 2018-01-01 and 2023-10-01, metrics_API.json and metricDefinitions_API.json; the words of
refusals are not documented. Of many series, all are told, whatever `top` and `orderby` say.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from infra.emulator.arm.call import Call, Routes
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.iso_durations import seconds_of
from infra.emulator.monitor.clock import MINUTE
from infra.emulator.monitor.metrics import Condition, Metric, Point, Query, aggregate, find_metric, of_type
from infra.emulator.state.store import Document

PARAMETERS = frozenset(
    {
        *("api-version", "timespan", "interval", "metricnames", "aggregation"),
        *("top", "orderby", "$filter", "resulttype", "metricnamespace"),
        *("autoadjusttimegrain", "validatedimensions", "rollupby"),
    }
)
AGGREGATIONS = ("Average", "Minimum", "Maximum", "Total", "Count")
INTERVALS = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D")
HOUR = 3600.0
CLAUSE = re.compile(r"\s*(\w+) eq '([^']*)'\s*")
WHOLE = "FULL"


def list_metrics(call: Call) -> Reply:
    """The values of metrics of an endpoint or a deployment."""
    for name in call.query:
        if name not in PARAMETERS:
            raise _wrong(f"The query parameter {name} is not known")
    resource = call.resource(call.address.scope)
    begin, end = _timespan(call)
    interval = _interval(call)
    wanted = [name for name in call.query.get("metricnames", "").split(",") if name]
    metrics = [_metric(resource["id"], name) for name in wanted] or of_type(resource["id"])[:1]
    step = end - begin if interval == WHOLE else seconds_of(interval, MINUTE)
    return Reply(
        body={
            "cost": int((end - begin) // MINUTE),
            "timespan": f"{_written(begin)}/{_written(end)}",
            "interval": interval,
            "value": [_values(call, resource["id"], each, (begin, end, step)) for each in metrics],
            "namespace": resource["type"],
            "resourceregion": resource["location"],
        }
    )


def list_definitions(call: Call) -> Reply:
    """The metrics that an endpoint or a deployment has."""
    resource = call.resource(call.address.scope)
    return Reply(body={"value": [_definition(resource, each) for each in of_type(resource["id"])]})


def _values(call: Call, id: str, metric: Metric, span: tuple[float, float, float]) -> Document:
    begin, end, _ = span
    asked = [each.strip().capitalize() for each in call.query.get("aggregation", "").split(",") if each.strip()]
    for each in asked or ["Average"]:
        if each not in AGGREGATIONS or each not in metric.aggregations:
            raise _wrong(f"Aggregation {each} is not supported by {metric.name}: {', '.join(metric.aggregations)}")
    split, condition = _filter(call.query.get("$filter", ""), metric)
    together = call.query.get("rollupby", "").lower().split(",")
    split = [name for name in split if name.lower() not in together]
    told = call.query.get("resulttype", "").lower() != "metadata"
    series = Query(call.world, id, metric).series(begin, end, split, condition)
    if not split:
        series.setdefault((), [])
    return {
        "id": f"{id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": _words(metric.name)},
        "displayDescription": _words(metric.name),
        "unit": metric.unit,
        "timeseries": [
            {
                "metadatavalues": [
                    {"name": {"value": name.lower(), "localizedValue": name.lower()}, "value": value}
                    for name, value in dimensions
                ],
                **({"data": _data(points, span, asked or ["Average"])} if told else {}),
            }
            for dimensions, points in sorted(series.items())
        ],
        "errorCode": "Success",
    }


def _data(points: list[Point], span: tuple[float, float, float], asked: list[str]) -> list[Document]:
    """A value for each interval; one without measurements has its time alone."""
    begin, end, step = span
    data = []
    while begin < end:
        within = [value for point in points if begin <= point.minute < begin + step for value in point.values]
        values = {each.lower(): aggregate(within, each) for each in asked} if within else {}
        data.append({"timeStamp": _written(begin), **values})
        begin += step
    return data


def _metric(id: str, name: str) -> Metric:
    if (found := find_metric(id, name)) is None:
        type = "/".join(id.split("/providers/")[-1].split("/")[1::2])
        known = ",".join(each.name for each in of_type(id))
        raise _wrong(
            "Failed to find metric configuration for provider: Microsoft.MachineLearningServices, resource Type: "
            f"{type}, metric: {name}, Valid metrics: {known}"
        )
    return found


def _filter(text: str, metric: Metric) -> tuple[list[str], Condition]:
    """The dimensions to split by, and whether a value's dimensions are let through."""
    wanted: dict[str, set[str]] = {}
    for part in text.split(" and ") if text else []:
        names = set()
        for clause in part.split(" or "):
            if (match := CLAUSE.fullmatch(clause)) is None:
                raise _wrong(f"$filter: {clause.strip()!r} is no condition such as deployment eq 'blue'")
            known = next((each for each in metric.dimensions if each.lower() == match[1].lower()), None)
            if known is None:
                raise _wrong(f"$filter: {metric.name} has no dimension {match[1]}")
            names.add(known)
            wanted.setdefault(known, set()).add(match[2].lower())
        if len(names) > 1:
            raise _wrong("$filter: or cannot separate two different dimensions")

    def holds(dimensions: Mapping[str, str]) -> bool:
        return all("*" in values or dimensions[name].lower() in values for name, values in wanted.items())

    return list(wanted), holds


def _interval(call: Call) -> str:
    """The interval of the values; with AutoAdjustTimegrain the next longer one that there is."""
    interval = call.query.get("interval", "PT1M")
    if interval in (*INTERVALS, WHOLE):
        return interval
    length = seconds_of(interval, -1)
    if call.query.get("autoadjusttimegrain", "").lower() == "true" and length > 0:
        return next((each for each in INTERVALS if seconds_of(each, 0) >= length), INTERVALS[-1])
    raise _wrong(f"Invalid time grain {interval}; supported: {', '.join(INTERVALS)}")


def _timespan(call: Call) -> tuple[float, float]:
    """The minutes that it touches; by default the last hour of Azure Monitor's clock."""
    now = call.world.recorder.clock.now() // MINUTE * MINUTE
    if not (text := call.query.get("timespan", "")):
        return now - HOUR, now
    try:
        begin, end = (datetime.fromisoformat(part) for part in text.split("/"))
    except ValueError:
        raise _wrong(f"Invalid timespan {text}; it has the form startDateTime_ISO/endDateTime_ISO") from None
    first, last = ((each if each.tzinfo else each.replace(tzinfo=UTC)).timestamp() for each in (begin, end))
    first, last = first // MINUTE * MINUTE, -(-last // MINUTE) * MINUTE
    if first >= last:
        raise _wrong(f"Invalid timespan {text}; it must end after it begins")
    return first, last


def _definition(resource: Document, metric: Metric) -> Document:
    return {
        "id": f"{resource['id']}/providers/Microsoft.Insights/metricdefinitions/{metric.name}",
        "resourceId": resource["id"],
        "namespace": resource["type"],
        "name": {"value": metric.name, "localizedValue": _words(metric.name)},
        "isDimensionRequired": False,
        "unit": metric.unit,
        "primaryAggregationType": "Average",
        "supportedAggregationTypes": list(metric.aggregations),
        "metricAvailabilities": [{"timeGrain": each, "retention": "P93D"} for each in INTERVALS],
        "dimensions": [{"value": each, "localizedValue": each} for each in metric.dimensions],
    }


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name)


def _wrong(message: str) -> ServiceError:
    return ServiceError(400, "BadRequest", message)


ROUTES: Routes = {("GET", "metrics"): list_metrics, ("GET", "metricdefinitions"): list_definitions}
