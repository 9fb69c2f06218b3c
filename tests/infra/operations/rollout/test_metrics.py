"""Reading a server's own counts from the text of its `/metrics`."""

import math

import pytest

from infra.operations.rollout.metrics import Counted, Histogram, Tally, read_metrics

TEXT = """\
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
process_start_time_seconds 1.79615069285e+09
gatelift_requests_total{front="rust",route="POST /v1/chat/completions",status="200"} 90.0
gatelift_requests_total{front="python",route="POST /v1/responses",status="500"} 4.0
gatelift_requests_total{front="python",route="POST /v1/chat/completions",status="429"} 2.0
gatelift_requests_total{front="python",route="POST /v1/chat/completions",status="400"} 3.0
gatelift_requests_total{front="python",route="POST /v1/chat/completions",status="499"} 1.0
gatelift_requests_total{front="",route="GET /metrics",status="200"} 500.0
gatelift_requests_total{front="",route="GET /health/ready",status="503"} 7.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.25",model_name="org/a \\"quoted\\" one"} 80.0
vllm:time_to_first_token_seconds_bucket{engine="1",le="0.25",model_name="m"} 10.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.5",model_name="m"} 84.0
vllm:time_to_first_token_seconds_bucket{engine="1",le="0.5",model_name="m"} 11.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="m"} 88.0
vllm:time_to_first_token_seconds_bucket{engine="1",le="+Inf",model_name="m"} 12.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="m"} 88.0
vllm:inter_token_latency_seconds_bucket{engine="0",le="0.05",model_name="m"} 5.0
vllm:inter_token_latency_seconds_bucket{engine="0",le="+Inf",model_name="m"} 5.0
"""


def test_requests_and_times_are_read_over_all_engines_and_fronts() -> None:
    found = read_metrics(TEXT)
    assert found is not None
    instance, counted = found
    assert instance == "1796150692.85"
    assert (counted.requests, counted.failed) == (100, 6)
    assert counted.ttft.buckets == {0.25: 90, 0.5: 95, math.inf: 100}
    assert counted.gaps.total == 5


@pytest.mark.parametrize("text", ["", "<html></html>", '{"status": "ok"}', "other_metric 1.0"])
def test_what_is_no_such_text_is_none(text: str) -> None:
    assert read_metrics(text) is None


@pytest.mark.parametrize(
    ("seconds", "above"),
    [
        pytest.param(0.25, 10, id="at-a-bound"),
        pytest.param(0.3, 5, id="inside-a-bucket-only-what-is-surely-above"),
        pytest.param(0.5, 5, id="at-the-last-bound"),
        pytest.param(0.6, 0, id="above-all-bounds-nobody-knows"),
    ],
)
def test_how_many_are_surely_above_a_limit(seconds: float, above: int) -> None:
    assert Histogram({0.25: 90, 0.5: 95, math.inf: 100}).surely_above(seconds) == above


@pytest.mark.parametrize(
    ("share", "value"),
    [pytest.param(0.45, 0.125, id="first-bucket"), pytest.param(0.925, 0.375, id="second"), (0.99, 0.5)],
)
def test_a_percentile_is_interpolated_as_prometheus_does(share: float, value: float) -> None:
    assert Histogram({0.25: 90, 0.5: 95, math.inf: 100}).percentile(share) == pytest.approx(value)
    assert math.isnan(Histogram().percentile(share))


def count(requests: int, failed: int = 0) -> Counted:
    return Counted(requests, failed)


def test_several_instances_are_counted_each_from_its_first_look() -> None:
    tally = Tally()
    for instance, requests in (("a", 100), ("b", 10), ("a", 105), ("b", 17), ("a", 106)):
        tally.look(instance, count(requests))
    assert (tally.since().requests, tally.instances) == (13, 2)


def test_an_instance_that_was_restarted_counts_from_zero() -> None:
    tally = Tally()
    for requests in (100, 110, 3):
        tally.look("", count(requests))
    assert tally.since().requests == 10 + 3


@pytest.mark.parametrize(
    "line",
    [
        'gatelift_requests_total{route="POST /v1/chat/completions",status="500"} NaN',
        'gatelift_requests_total{route="POST /v1/chat/completions",status="500"} +Inf',
        'gatelift_requests_total{route="POST /v1/chat/completions",status="500"} -3',
        'vllm:time_to_first_token_seconds_bucket{le="+Inf"} NaN',
        'vllm:time_to_first_token_seconds_bucket{le="soon"} 7.0',
        'vllm:time_to_first_token_seconds_bucket{le="NaN"} 7.0',
        "vllm:time_to_first_token_seconds_bucket 7.0",
        "process_start_time_seconds NaN",
        "vllm:time_to_first_token_seconds_bucket{le=",
    ],
)
def test_a_line_that_counts_nothing_is_left_out(line: str) -> None:
    assert read_metrics(f"{TEXT}{line}\n") == read_metrics(TEXT)
