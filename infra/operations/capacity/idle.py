"""Whether a stack is idle: no request reached its endpoint for a while, as Azure Monitor counts them.

Source: Azure Monitor "Supported metrics for Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
(RequestsPerMinute, a minute each) and Microsoft.Insights metrics, api-version 2023-10-01.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, NotReady
from infra.operations.capacity.standing import Standing

METRICS_API = "2023-10-01"
METRIC, SUCCESS = "RequestsPerMinute", "Success"
MINUTE = timedelta(minutes=1)


class Idle(Struct, frozen=True):
    """Whether there was no request, and in words what was seen."""

    idle: bool
    reason: str
    last_request: str = ""
    """The minute of the last request, in UTC; empty where there was none."""


def find_idle(cloud: Cloud, standing: Standing, seconds: float) -> Idle:
    """Whether the endpoint had no request for so many seconds; it must have run for as long.

    Raises `NotReady` where the metrics cannot be read: then nobody knows.
    """
    now = cloud.clock.utc()
    since = now - timedelta(seconds=seconds)
    if (made := _last_made(standing)) and made > since:
        return Idle(False, f"it has been running for {_words((now - made).total_seconds())} only")
    last = last_request(cloud, standing.endpoint, since, now)
    if last is None:
        return Idle(True, f"no request for {_words(seconds)}")
    ago = _words(max((now - last).total_seconds(), 0))
    return Idle(False, f"the last request came {ago} ago", last.strftime("%Y-%m-%dT%H:%M:%SZ"))


def last_request(cloud: Cloud, endpoint: str, since: datetime, now: datetime) -> datetime | None:
    """The last minute in which the endpoint was asked something; None where it was not."""
    query = {
        "metricnames": METRIC,
        "timespan": f"{(since - MINUTE).strftime('%Y-%m-%dT%H:%M:%SZ')}/{now.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        "interval": "PT1M",
        "aggregation": "Average",
    }
    id = f"{cloud.workspace.endpoint(endpoint)}/providers/Microsoft.Insights/metrics"
    try:
        found = cloud.management.list(id, api_version=METRICS_API, query=query)
    except GateliftError as error:
        raise _unreadable(endpoint, str(error)) from None
    _check_counted(found, endpoint)
    minutes = [_moment(point["timeStamp"]) for point in _points(found) if _asked(point)]
    return max((each for each in minutes if each >= since - MINUTE), default=None)


def _check_counted(found: list[Any], endpoint: str) -> None:
    """Raise `NotReady` where the answer does not tell of requests: it has no such metric, or an error beside it.

    A metric without a series, or with minutes without a value, does: nobody asked.
    """
    metrics = [each for each in found if (each.get("name") or {}).get("value", "").lower() == METRIC.lower()]
    if not metrics:
        raise _unreadable(endpoint, f"the answer has no {METRIC}")
    for metric in metrics:
        if (code := metric.get("errorCode") or SUCCESS) != SUCCESS:
            raise _unreadable(endpoint, f"{code} {metric.get('errorMessage') or ''}".strip())


def _unreadable(endpoint: str, why: str) -> NotReady:
    message = f"Azure Monitor's metrics of {endpoint} cannot be read, so nobody knows when it was asked last: {why}"
    hint = "the role Monitoring Reader on the workspace is enough to read them; `gatelift park` without --after parks"
    return NotReady(message, hint=hint, code="metrics_unreadable")


def _points(found: list[Any]) -> Iterator[Mapping[str, Any]]:
    for metric in found:
        for series in metric.get("timeseries") or []:
            yield from series.get("data") or []


def _asked(point: Mapping[str, Any]) -> bool:
    """Whether a minute had a request: minutes without one are zero, or have no values at all."""
    return float(point.get("average") or 0) > 0


def _last_made(standing: Standing) -> datetime | None:
    stamps = [(live.document.get("systemData") or {}).get("createdAt") for live in standing.own.values()]
    return max((_moment(str(stamp)) for stamp in stamps if stamp), default=None)


def _moment(text: str) -> datetime:
    """A moment as Azure writes it, whatever the digits of its fraction."""
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


def _words(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h".replace(".0 h", " h")
