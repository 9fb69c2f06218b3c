"""How long gatelift waits for Azure before it says so; two environment variables change it."""

import math
from collections.abc import Mapping

from msgspec import Struct

from infra.errors import GateliftError

REQUEST, OPERATION = "GATELIFT_REQUEST_TIMEOUT", "GATELIFT_OPERATION_TIMEOUT"


class Timeouts(Struct, frozen=True):
    """Seconds: for one request's answer, for a long-running operation, for the endpoint's first answer."""

    request: float = 60.0
    operation: float = 2 * 3600.0  # a large image and large weights

    @property
    def connect(self) -> float:
        """For a connection: who does not take one within seconds is not there."""
        return min(self.request, 10.0)

    @property
    def hub(self) -> float:
        """For the Hub, which answers in less than a second or not at all."""
        return min(self.request, 30.0)

    @property
    def answer(self) -> float:
        """For a new route and a new key to arrive at the front end."""
        return min(self.operation, 120.0)

    @property
    def network(self) -> float:
        """For a network that comes back while an operation runs."""
        return min(self.operation, 300.0)


def read_timeouts(environ: Mapping[str, str]) -> Timeouts:
    """The defaults, unless the environment has other numbers of seconds."""
    usual = Timeouts()
    return Timeouts(_seconds(environ, REQUEST, usual.request), _seconds(environ, OPERATION, usual.operation))


def _seconds(environ: Mapping[str, str], name: str, usual: float) -> float:
    written = environ.get(name, "")
    if not written:
        return usual
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise GateliftError(f"{name} is {written!r}", hint="a number of seconds, e.g. 60", code="invalid_timeout")
    return seconds
