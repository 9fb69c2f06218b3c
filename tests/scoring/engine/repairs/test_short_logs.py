"""vLLM's warnings and errors fit into a few hundred characters, whatever a client has sent."""

import logging

import pytest

from scoring.engine.repairs.short_logs import cut_short


@pytest.mark.parametrize(
    ("name", "level", "message", "arguments", "longest"),
    [
        pytest.param("vllm.a", logging.ERROR, "The model `%s` does not exist.", ("m" * 100_000,), 600, id="error"),
        pytest.param("vllm", logging.WARNING, "x" * 100_000, (), 600, id="warning"),
        pytest.param("vllm.a", logging.WARNING, "100%% of %s", ("it",), 10, id="short"),
        pytest.param("vllm.a", logging.INFO, "%s", ("x" * 5000,), 5000, id="information"),
        pytest.param("scoring", logging.ERROR, "%s", ("x" * 5000,), 5000, id="another's"),
    ],
)
def test_message_is_cut(name: str, level: int, message: str, arguments: tuple[str, ...], longest: int) -> None:
    whole = message % arguments if arguments else message
    found = cut_short(logging.LogRecord(name, level, "", 1, message, arguments, None)).getMessage()
    assert len(found) == min(len(whole), longest)
    assert found[:100] == whole[:100]
