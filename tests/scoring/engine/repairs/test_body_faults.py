"""Whose fault an error is that vLLM's app lets through."""

import json

import pytest
from fastapi import FastAPI

from scoring.engine.repairs import body_faults


class VLLMClientError(Exception):
    """Stands for vLLM's: known by its name."""

    parameter = "regex"


def raised_from(cause: Exception, words: str = "Caught handled exception, but response already started.") -> Exception:
    try:
        raise RuntimeError(words) from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        pytest.param(raised_from(ValueError("no token -5")), ("no token -5", None), id="value-error"),
        pytest.param(raised_from(VLLMClientError("bad regex")), ("bad regex", "regex"), id="vllms-own"),
        pytest.param(raised_from(TypeError("'NoneType' object is not subscriptable")), None, id="line-of-python"),
        pytest.param(raised_from(json.JSONDecodeError("no", "", 0)), None, id="our-own-reading"),
        pytest.param(raised_from(UnicodeDecodeError("utf-8", b"", 0, 1, "no")), None, id="bytes-that-are-no-text"),
        pytest.param(raised_from(ValueError("I/O on closed file"), "the pipe is gone"), None, id="another-chain"),
        pytest.param(ValueError("ours"), None, id="not-by-way-of-vllms-app"),
    ],
)
def test_only_what_vllm_refuses_is_the_clients(error: Exception, refusal: tuple[str, str | None] | None) -> None:
    found = body_faults.late_refusal(error)
    assert (found and (found.message, found.param)) == refusal
    assert found is None or found.status == 400


def test_unknown_app_is_left_alone(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_faults.logger, "propagate", True)
    with caplog.at_level("INFO", "scoring"):
        body_faults.install(FastAPI())
    assert [record.message.partition(":")[0] for record in caplog.records] == ["[body faults] off"]
