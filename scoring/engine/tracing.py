"""Where vLLM sends its spans: OpenTelemetry's standard environment variables, put as vLLM 0.32 reads them.

vLLM sends to one address as it stands, speaks gRPC unless OTEL_EXPORTER_OTLP_TRACES_PROTOCOL says otherwise, and knows
none of the other variables. https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import importlib.util
import sys
from collections.abc import MutableMapping
from urllib.parse import urlsplit

from scoring.errors import BadSettings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
GRPC, HTTP = "grpc", "http/protobuf"
GRPC_PORT = 4317
PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.grpc", "opentelemetry.exporter.otlp.proto.http")
FLUSH_MILLISECONDS = 2000


def settle_traces(environ: MutableMapping[str, str], given: str | None) -> str | None:
    """Return the address for spans, if they are wanted, and leave the protocol where vLLM looks for it.

    `given` is vLLM's own `--otlp-traces-endpoint`; it wins.
    """
    if not given and (_is(environ, "OTEL_SDK_DISABLED", "true") or _is(environ, "OTEL_TRACES_EXPORTER", "none")):
        environ.pop(TRACES_ENDPOINT, None)  # the engine's process would read it
        return None
    endpoint = given or environ.get(TRACES_ENDPOINT) or environ.get(ENDPOINT)
    if not endpoint:
        return None
    _check_packages(endpoint)
    protocol = environ.get(TRACES_PROTOCOL) or environ.get(PROTOCOL) or (GRPC if given else _usual_protocol(endpoint))
    if protocol not in (GRPC, HTTP):
        raise BadSettings(f"spans cannot be sent as {protocol!r}", hint=f"set {TRACES_PROTOCOL} to {GRPC} or {HTTP}")
    environ[TRACES_PROTOCOL] = protocol
    environ.setdefault("OTEL_SERVICE_NAME", "gatelift-scoring")
    if protocol == HTTP and not given and not environ.get(TRACES_ENDPOINT):
        return endpoint.rstrip("/") + "/v1/traces"  # the general variable is a base, the one for traces is not
    return endpoint


def flush_traces() -> None:
    """Send the spans that wait for their batch; the process is about to end."""
    trace = sys.modules.get("opentelemetry.trace")
    flush = getattr(trace.get_tracer_provider(), "force_flush", None) if trace else None
    if flush is not None:
        flush(FLUSH_MILLISECONDS)


def _is(environ: MutableMapping[str, str], name: str, value: str) -> bool:
    return environ.get(name, "").strip().lower() == value


def _usual_protocol(endpoint: str) -> str:
    try:
        return GRPC if urlsplit(endpoint).port == GRPC_PORT else HTTP
    except ValueError as error:
        raise BadSettings(f"{endpoint!r} is no address for spans: {error}", hint=f"see {ENDPOINT}") from error


def _check_packages(endpoint: str) -> None:
    missing = [name for name in PACKAGES if not _is_there(name)]
    if missing:
        raise BadSettings(
            f"spans are to go to {endpoint}, but {', '.join(missing)} cannot be imported",
            hint="pip install opentelemetry-sdk opentelemetry-exporter-otlp, or unset OTEL_EXPORTER_OTLP_…",
        )


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
