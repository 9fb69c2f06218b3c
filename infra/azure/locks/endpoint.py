"""Azure's own lock of an endpoint: while the endpoint changes, and sometimes moments after, its deployments cannot."""

import re
from collections.abc import Callable
from typing import TypeVar

from infra.clock import Clock
from infra.errors import GateliftError
from infra.reporter import Reporter

# The words are known, the status and the code are not: https://github.com/Azure/azure-sdk-for-net/issues/36961
BUSY = re.compile(
    r"deployment in endpoint (?P<name>\S+) because it is in (?P<state>\w+) provisioning state", re.IGNORECASE
)
PAUSE, PAUSE_LOCAL = 10.0, 0.2  # seconds between two tries
T = TypeVar("T")


def when_free(start: Callable[[], T], clock: Clock, reporter: Reporter, *, local: bool, longest: float) -> T:
    """What `start` returns, called again while Azure refuses it because the endpoint is being changed.

    Says so once; after `longest` seconds the refusal is raised.
    """
    deadline: float | None = None
    while True:
        try:
            return start()
        except GateliftError as error:
            found = BUSY.search(str(error))
            if not found:
                raise
            if deadline is None:
                deadline = clock.now() + longest
                reporter.note(
                    f"the endpoint {found['name']} is {found['state'].lower()}: waiting until its deployments may "
                    f"change, at most {longest:.0f} s"
                )
            if clock.now() >= deadline:
                raise
        clock.sleep(PAUSE_LOCAL if local else PAUSE)
