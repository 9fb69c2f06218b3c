"""What the scoring server's container says of its weights, in a process of its own."""

from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

PRELOADED = "scoring.weights.weights"  # importing it takes longer than all questions
START = get_context("forkserver")
START.set_forkserver_preload([PRELOADED])


def fetch_in_container(model: str, revision: str | None, hub: str, token: str | None, cache: Path) -> tuple[str, str]:
    """What is wrong and what to do about it; empty where the weights came."""
    ours, theirs = START.Pipe()
    process = START.Process(target=_fetch, args=(theirs, model, revision, hub, token, cache))
    process.start()
    theirs.close()
    found: tuple[str, str] = ours.recv()
    process.join()
    return found


def _fetch(answer: Connection, model: str, revision: str | None, hub: str, token: str | None, cache: Path) -> None:
    import logging

    from scoring.errors import WeightsMissing
    from scoring.weights.weights import Wanted, fetch_weights

    logging.disable()
    environ = {"HF_TOKEN": token} if token else {}
    try:
        fetch_weights(Wanted(model, revision=revision, environ=environ), hub, seconds=2.5, cache=cache)
        answer.send(("", ""))
    except WeightsMissing as error:
        answer.send((str(error), error.hint))
    except Exception as error:  # what a traceback would be of
        answer.send((f"Traceback: {type(error).__name__}: {error}", ""))
