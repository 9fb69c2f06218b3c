"""What Azure Monitor's answers say of requests, and what says nothing: then nobody knows."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from infra.errors import NotReady
from infra.operations.capacity.idle import last_request

NOW = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)


def metric(*points: tuple[str, float | None], **more: Any) -> dict[str, Any]:
    data = [{"timeStamp": f"2026-12-01T{time}:00Z", "average": value} for time, value in points]
    series = [{"metadatavalues": [], "data": data}] if points else []
    return {"name": {"value": "RequestsPerMinute"}, "timeseries": series, "errorCode": "Success", **more}


def last(answer: list[Any]) -> datetime | None:
    management = SimpleNamespace(list=lambda *_, **__: answer)
    cloud: Any = SimpleNamespace(management=management, workspace=SimpleNamespace(endpoint=lambda name: f"/{name}"))
    return last_request(cloud, "chat", NOW - timedelta(hours=2), NOW)


@pytest.mark.parametrize(
    ("answer", "hour"),
    [
        pytest.param([metric(("19:00", 2.0), ("19:01", 0.0))], 19, id="requests"),
        pytest.param([metric(("19:00", 0.0), ("19:01", None))], None, id="none"),
        pytest.param([metric()], None, id="no-series"),
        pytest.param([metric(("17:00", 2.0))], None, id="before"),
    ],
)
def test_minutes_with_a_request_are_found(answer: list[Any], hour: int | None) -> None:
    found = last(answer)
    assert (found and found.hour) == hour


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param([], "the answer has no RequestsPerMinute", id="nothing"),
        pytest.param([metric(name={"value": "Other"})], "the answer has no RequestsPerMinute", id="another-metric"),
        pytest.param(
            [metric(errorCode="InternalServerError", errorMessage="try later")],
            "InternalServerError try later",
            id="failed",
        ),
    ],
)
def test_an_answer_without_the_metric_says_nothing(answer: list[Any], told: str) -> None:
    with pytest.raises(NotReady) as error:
        last(answer)
    assert (error.value.code, told in str(error.value)) == ("metrics_unreadable", True)
