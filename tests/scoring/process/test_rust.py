"""What a start does without vLLM's Rust front."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from scoring.errors import EngineFailed
from scoring.process.rust import settle_rust
from tests.scoring.engine.fronts.test_rust import started


class Engine:
    """What `settle_rust` knows of an engine."""

    tasks = ("generate",)
    names = ("m",)
    without_rust = "there is no program"

    def __init__(self, front: Any = None) -> None:
        self.rust_process = front

    def do_without_rust(self, reason: str) -> None:
        self.without_rust = reason


def settle(engine: Any, wanted: str) -> None:
    asyncio.run(settle_rust(engine, wanted))


def test_automatic_goes_on_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("scoring")
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.INFO)
    try:
        settle(Engine(), "auto")
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages[-1] == "[startup] vLLM's Python front answers alone: there is no program"


def test_one_that_is_insisted_on_fails_the_start() -> None:
    with pytest.raises(EngineFailed, match="there is no program") as failed:
        settle(Engine(), "rust")
    assert "SCORING_FRONT" in failed.value.hint


def test_an_embedding_engine_needs_none() -> None:
    engine = Engine()
    engine.tasks = ("embed",)
    settle(engine, "rust")


def test_an_early_exit_is_the_reason(tmp_path_factory: pytest.TempPathFactory) -> None:
    front = started(Path("/bin/false"), tmp_path_factory.mktemp("f"))
    engine = Engine(front)
    settle(engine, "auto")
    assert engine.without_rust == "vllm-rs has ended with 1"
    front.close()
