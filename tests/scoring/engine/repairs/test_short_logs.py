"""vLLM's warnings and errors fit into a few hundred characters, whatever a client has sent."""

import logging

import pytest

from scoring.engine.repairs.short_logs import cut_short


@pytest.mark.parametrize(
    ("level", "message", "arguments", "longest"),
    [
        pytest.param(logging.ERROR, "The model `%s` does not exist.", ("m" * 100_000,), 1000, id="error"),
        pytest.param(logging.WARNING, "x" * 100_000, (), 1000, id="warning"),
        pytest.param(logging.WARNING, "100%% of %s", ("it",), 10, id="short"),
        pytest.param(logging.INFO, "%s", ("x" * 5000,), 5000, id="information"),
    ],
)
def test_message_is_cut(level: int, message: str, arguments: tuple[str, ...], longest: int) -> None:
    record = logging.LogRecord("vllm", level, "", 1, message, arguments, None)
    whole = record.getMessage()
    assert cut_short(record)
    assert len(record.getMessage()) <= longest
    assert record.getMessage()[:100] == whole[:100]
