"""Waiting for a Hub that says "not now": 429 by its own headers, 5xx and broken connections by growing pauses."""

import logging
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from huggingface_hub.errors import HfHubHTTPError

logger = logging.getLogger("scoring")

Result = TypeVar("Result")
PASSING = (408, 425, 429, 500, 502, 503, 504)
TOO_MANY = 429
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
UNREACHED = 3  # times that a service is tried which has never answered
RESET = re.compile(r"(?:^|[;,\s])(?:t|reset)=(\d+)")


@dataclass
class Patience:
    """How long a Hub may go on failing, in seconds; it begins anew when bytes have come meanwhile."""

    seconds: float
    who: str = "the Hub"
    passing: Collection[int] = PASSING
    unreached: int = UNREACHED
    size: Callable[[], int] = lambda: 0  # bytes that are here already
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    answered: bool = field(default=False, init=False)

    def ask(self, work: Callable[[], Result], what: str) -> Result:
        """Do what asks the Hub, again as long as it fails for now; raises what it raises for good, or at last."""
        failing_since: float | None = None
        here, tries = self.size(), 0
        while True:
            try:
                result = work()
            except (httpx.HTTPError, OSError) as error:
                status = status_of(error)
                self.answered = self.answered or status is not None
                if not self._passes(error, status):
                    raise
                if (now_here := self.size()) > here or failing_since is None:
                    here, failing_since, tries = now_here, self.clock(), 0
                tries += 1
                pause = retry_after(error) or min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
                if self._ends(failing_since + self.seconds, pause, tries):
                    raise
                logger.warning("[weights] %s for %s: going on in %.0f s", self._reason(error, status), what, pause)
                self.sleep(pause)
            else:
                self.answered = True
                return result

    def _passes(self, error: BaseException, status: int | None) -> bool:
        return status in self.passing if status is not None else transport_error(error) is not None

    def _ends(self, deadline: float, pause: float, tries: int) -> bool:
        return self.clock() + pause > deadline or (not self.answered and tries >= self.unreached)

    def _reason(self, error: BaseException, status: int | None) -> str:
        if status == TOO_MANY:
            return f"{self.who} has had too many requests from here (429)"
        return (
            f"{self.who} answers {status}" if status else f"the connection to {self.who} broke ({type(error).__name__})"
        )


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it was raised from, outermost first."""
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) is not None and cause not in found:
        found.append(cause)
    return found


def status_of(error: BaseException) -> int | None:
    """Return the Hub's status among an error's causes."""
    response = _response(error)
    return response.status_code if response is not None else None


def refusal_of(error: BaseException) -> HfHubHTTPError | None:
    """Return the Hub's own refusal among an error's causes."""
    return next((one for one in causes(error) if isinstance(one, HfHubHTTPError)), None)


def transport_error(error: BaseException) -> httpx.TransportError | None:
    """Return what broke a connection among an error's causes; a proxy that refuses is no such thing."""
    found = next((one for one in causes(error) if isinstance(one, httpx.TransportError)), None)
    return None if isinstance(found, httpx.ProxyError | httpx.UnsupportedProtocol) else found


def retry_after(error: BaseException) -> float | None:
    """Return the seconds that a 429 or 503 among an error's causes asks to wait; None: it says nothing."""
    response = _response(error)
    return None if response is None else asked_wait(response)


def asked_wait(response: httpx.Response) -> float | None:
    """Return the seconds that an answer asks to wait, by `Retry-After` or `RateLimit`.

    None where it is neither 429 nor 503, or says nothing.
    """
    if response.status_code not in (429, 503):
        return None
    if (said := response.headers.get("retry-after", "").strip()).isdecimal():
        return float(said) + 0.5
    try:
        return max(1.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError):
        pass
    found = RESET.search(response.headers.get("ratelimit", "")) or RESET.search(
        f"t={response.headers.get('ratelimit-reset', '')}"
    )
    return float(found.group(1)) + 0.5 if found else None


def _response(error: BaseException) -> httpx.Response | None:
    found = next((one for one in causes(error) if isinstance(one, httpx.HTTPStatusError | HfHubHTTPError)), None)
    return getattr(found, "response", None)
