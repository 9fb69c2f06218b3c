"""Two fronts' metrics as one text."""

from typing import Any

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from scoring.engine.fronts.metrics import merged


def counter(value: float, **labels: str) -> Any:
    family = CounterMetricFamily("vllm:tokens", "t", labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def gauge(value: float) -> Any:
    return GaugeMetricFamily("vllm:running", "r", value=value)


def histogram(**buckets: float) -> Any:
    family = HistogramMetricFamily("vllm:seconds", "s", labels=())
    bounds = [(name.replace("inf", "+Inf").removeprefix("b"), value) for name, value in buckets.items()]
    family.add_metric((), buckets=bounds, sum_value=1.5)
    return family


@pytest.mark.parametrize(
    ("python", "rust", "wanted"),
    [
        pytest.param(counter(1, m="a"), counter(2, m="a"), {"vllm:tokens_total a": 3}, id="counters-add"),
        pytest.param(
            counter(1, m="a"), counter(2, m="b"), {"vllm:tokens_total a": 1, "vllm:tokens_total b": 2}, id="by-labels"
        ),
        pytest.param(gauge(1), gauge(5), {"vllm:running ": 5}, id="gauge-is-chosen"),
        pytest.param(
            histogram(b1=1, b2=2, inf=3),
            histogram(**{"b1.0": 1, "b2.0": 1, "b4.0": 2, "inf": 2}),
            {
                "vllm:seconds_bucket 1": 2,
                "vllm:seconds_bucket 2": 3,
                "vllm:seconds_bucket +Inf": 5,
                "vllm:seconds_count ": 5,
                "vllm:seconds_sum ": 3,
            },
            id="buckets-that-both-have",
        ),
        pytest.param(counter(1, m="a"), gauge(5), {"vllm:tokens_total a": 1, "vllm:running ": 5}, id="of-one-only"),
    ],
)
def test_merged(python: Any, rust: Any, wanted: dict[str, float]) -> None:
    families = merged([python], [rust], max)
    found = {f"{one.name} {' '.join(one.labels.values())}": one.value for f in families for one in f.samples}
    assert found == wanted
