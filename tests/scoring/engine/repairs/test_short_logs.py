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


class VLLMClientError(Exception):
    """Has the name of vLLM's."""


class OwnError(VLLMClientError):
    """A kind of it."""


@pytest.mark.parametrize(
    ("error", "said", "traced"),
    [
        pytest.param(ValueError("bad_words is empty"), "It failed. bad_words is empty", False, id="refusal"),
        pytest.param(OwnError("no such token"), "It failed. no such token", False, id="vllms-own-refusal"),
        pytest.param(RuntimeError("a fault"), "It failed.", True, id="fault"),
        pytest.param(UnicodeError("a fault"), "It failed.", True, id="kind-of-value-error"),
    ],
)
def test_a_clients_mistake_has_no_traceback(error: Exception, said: str, traced: bool) -> None:
    record = logging.LogRecord("vllm.a", logging.ERROR, "", 1, "It failed.", (), (type(error), error, None))
    found = cut_short(record)
    assert found.getMessage() == said
    assert bool(found.exc_info) is traced
