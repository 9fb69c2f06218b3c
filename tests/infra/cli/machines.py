"""A machine with an emulator of its own, for tests that type commands at a stack whose container starts at once."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from infra.emulator import launcher
from infra.paths import bundled
from infra.planning.desired import Sources
from tests.infra.cli.conftest import clean_environ
from tests.infra.operations.conftest import SEED, Bench

CONTAINER = Path(__file__).parents[1] / "container"


@contextlib.contextmanager
def machine(folder: Path) -> Iterator[Bench]:
    """Run an emulator with its state in the folder; the bench makes stacks in `environment(bench.environ)`."""
    environ = clean_environ(folder)
    (folder / "seed.json").write_text(json.dumps(SEED))
    launcher.start(folder / "state", seed=folder / "seed.json")
    try:
        yield Bench(environ, Sources(CONTAINER, bundled("environments") / "vllm"))
    finally:
        launcher.stop(folder / "state")
