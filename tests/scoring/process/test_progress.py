"""When an engine counts as hung, and when no longer: looked at second by second."""

import asyncio
from collections.abc import Callable

import pytest

from scoring.process.progress import EngineProgress


class Engine:
    """An engine whose steps and requests are set by hand; `asked` counts the probes."""

    def __init__(self) -> None:
        self.steps = 0
        self.busy = False
        self.asked = 0

    async def ask(self) -> None:
        self.asked += 1
        self.busy = True
        await asyncio.Event().wait()


def after(*seconds: Callable[[Engine], None]) -> tuple[bool, Engine]:
    """Whether the engine is hung after these seconds, with a limit of three."""

    async def live() -> tuple[bool, Engine]:
        engine = Engine()
        progress = EngineProgress(engine, 3, engine.ask)
        for change in seconds:
            change(engine)
            progress.look(1)
            await asyncio.sleep(0)
        return progress.hung, engine

    return asyncio.run(live())


def waits(engine: Engine) -> None:
    engine.busy = True


def rests(engine: Engine) -> None:
    engine.busy = False


def steps(engine: Engine) -> None:
    engine.busy = True
    engine.steps += 1


@pytest.mark.parametrize(
    ("seconds", "hung"),
    [
        pytest.param([waits, waits], False, id="not-for-long"),
        pytest.param([waits, waits, waits], True, id="no-step-while-requests-wait"),
        pytest.param([waits, waits, steps, waits, waits], False, id="slow-but-it-goes-on"),
        pytest.param([rests, rests, rests, rests], False, id="nobody-waits"),
        pytest.param([waits, rests, waits, rests, waits], True, id="clients-give-up-and-come-back"),
        pytest.param([waits, waits, waits, rests], True, id="nobody-waits-any-more"),
        pytest.param([waits, waits, waits, steps], False, id="it-goes-on"),
    ],
)
def test_hung(seconds: list[Callable[[Engine], None]], hung: bool) -> None:
    assert after(*seconds)[0] is hung


@pytest.mark.parametrize(
    ("seconds", "asked"),
    [
        pytest.param([waits, waits], 0, id="not-hung"),
        pytest.param([waits, waits, waits], 1, id="as-soon-as-it-is-hung"),
        pytest.param([waits, waits, waits, rests], 1, id="nobody-waits-any-more"),
        pytest.param([waits, waits, waits, waits, rests, waits], 1, id="once-until-that-is-answered"),
    ],
)
def test_hung_engine_is_asked_for_a_token(seconds: list[Callable[[Engine], None]], asked: int) -> None:
    assert after(*seconds)[1].asked == asked
