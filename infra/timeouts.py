"""How long gatelift waits for Azure and the Hub; four environment variables change this."""

import math
from collections.abc import Mapping

from msgspec import Struct

from infra.errors import GateliftError

REQUEST, OPERATION, LOCK = "GATELIFT_REQUEST_TIMEOUT", "GATELIFT_OPERATION_TIMEOUT", "GATELIFT_LOCK_TIMEOUT"
HUB = "GATELIFT_HUB_TIMEOUT"


class Timeouts(Struct, frozen=True):
    """Timeouts in seconds: for the answer to one request, for a long-running operation, and for a lock to be free."""

    request: float = 60.0
    operation: float = 2 * 3600.0  # a large image and large weights
    lock: float = 15 * 60.0
    hub_pauses: float = 300.0
    """The sum of the pauses in which the Hub throttles or is down: its limits are of five minutes."""

    @property
    def connect(self) -> float:
        """For opening a connection, which a reachable service accepts within seconds."""
        return min(self.request, 10.0)

    @property
    def hub(self) -> float:
        """For an answer of the Hub, which usually takes less than a second."""
        return min(self.request, 30.0)

    @property
    def answer(self) -> float:
        """For the endpoint's first answer, since new routes and keys reach the front end with a delay."""
        return min(self.operation, 120.0)

    @property
    def network(self) -> float:
        """For a lost network to come back while an operation runs."""
        return min(self.operation, 300.0)


def read_timeouts(environ: Mapping[str, str]) -> Timeouts:
    """The timeouts from the environment, else the defaults; raises `GateliftError` for an unusable value."""
    default = Timeouts()
    return Timeouts(
        _seconds(environ, REQUEST, default.request),
        _seconds(environ, OPERATION, default.operation),
        _seconds(environ, LOCK, default.lock),
        _seconds(environ, HUB, default.hub_pauses),
    )


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise GateliftError(
            f"{name} is {text!r}", hint="set it to a number of seconds, e.g. 60", code="invalid_timeout"
        )
    return seconds
