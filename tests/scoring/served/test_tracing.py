"""OpenTelemetry's standard variables, and a span of a request that arrives at a collector."""

import secrets
from typing import Any

import httpx
import pytest

from scoring.engine.tracing import settle_traces
from scoring.errors import BadSettings

BASE = "http://collector:4318"


@pytest.mark.parametrize(
    ("environ", "given", "endpoint", "protocol"),
    [
        pytest.param({}, None, None, None, id="nothing-said"),
        pytest.param({"ENDPOINT": BASE}, None, f"{BASE}/v1/traces", "http/protobuf", id="a-base"),
        pytest.param({"ENDPOINT": f"{BASE}/x/"}, None, f"{BASE}/x/v1/traces", "http/protobuf", id="a-base-with-a-path"),
        pytest.param({"ENDPOINT": "http://c:4317"}, None, "http://c:4317", "grpc", id="the-port-of-grpc"),
        pytest.param({"ENDPOINT": BASE, "PROTOCOL": "grpc"}, None, BASE, "grpc", id="protocol-for-all-signals"),
        pytest.param(
            {"ENDPOINT": BASE, "PROTOCOL": "grpc", "TRACES_PROTOCOL": "http/protobuf"}, None,
            f"{BASE}/v1/traces", "http/protobuf", id="protocol-of-traces-wins",
        ),
        pytest.param(
            {"ENDPOINT": "http://other", "TRACES_ENDPOINT": f"{BASE}/mine"}, None,
            f"{BASE}/mine", "http/protobuf", id="address-of-traces-wins-as-it-stands",
        ),
        pytest.param({"ENDPOINT": BASE}, "http://mine:9", "http://mine:9", "grpc", id="vllms-own-option"),
    ],
)  # fmt: skip
def test_where_spans_go(environ: dict[str, str], given: str | None, endpoint: str | None, protocol: str | None) -> None:
    variables = {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in environ.items()}
    assert settle_traces(variables, given) == endpoint
    assert variables.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") == protocol


@pytest.mark.parametrize(
    "off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}]
)
def test_spans_may_be_turned_off(off: dict[str, str]) -> None:
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": BASE, **off}
    assert settle_traces(environ, None) is None
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in environ


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "cannot be sent as 'http/json'", id="json"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:port"}, "no address for spans", id="crooked-address"),
    ],
)
def test_what_vllm_cannot_do_is_said_before_it_starts(variables: dict[str, str], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        settle_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": BASE, **variables}, None)


def test_a_span_of_a_request_arrives_under_its_callers_trace(image_server: Any, collector: Any) -> None:
    trace_id, parent = secrets.token_hex(16), secrets.token_hex(8)
    answer = httpx.post(
        f"{image_server.base_url}/chat/completions",
        params={"api-version": "2025-04-01"},
        json={"model": "", "messages": [{"role": "user", "content": "my-secret-prompt"}], "max_tokens": 3},
        headers={"traceparent": f"00-{trace_id}-{parent}-01"},
        timeout=60,
    )
    assert answer.status_code == 200
    service, span = collector.wait_for(lambda span: span.trace_id.hex() == trace_id)
    assert service == "gatelift-scoring"
    assert span.parent_span_id.hex() == parent
    counted = {one.key: one.value.int_value for one in span.attributes}
    assert counted["gen_ai.usage.completion_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert "my-secret-prompt" not in str(span)
