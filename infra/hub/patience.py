"""How long the Hub is waited for: one bounded patience for everything that is asked of it, whichever thread asks."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from infra.clock import Clock, SystemClock
from infra.http_client import TRANSIENT, Answer, Unreachable

MOST_TRIES, MOST_CONNECTIONS = 5, 3  # of a Hub that answers with an error, and of one that does not answer
FIRST_PAUSE, WORTH_TELLING = 0.5, 2.0  # seconds
LIMIT = re.compile(r";\s*t\s*=\s*(\d+)")  # `RateLimit: "api";r=0;t=55`


class Patience:
    """Asks again after a pause; all pauses together last no longer than `seconds`, those at the same time count once.

    `tell` shows a line to the person who waits.
    """

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self.tell: Callable[[str], None] = lambda text: None
        self._whole = self._left = seconds
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._until = 0.0

    def renew(self) -> None:
        """Have it whole again: something was achieved."""
        with self._lock:
            self._left = self._whole

    def answer(self, ask: Callable[[], Answer], *, connections: int = MOST_CONNECTIONS) -> Answer:
        """The last answer, whatever its status; `Unreachable` where none comes, after so many `connections`."""
        tries = 0
        while True:
            tries += 1
            backoff = FIRST_PAUSE * 2 ** (tries - 1)
            try:
                answer = ask()
            except Unreachable as error:
                if error.final or tries >= connections or not self._pause(backoff, str(error)):
                    raise
                continue
            if answer.status not in TRANSIENT:
                return answer
            asked = asked_to_wait(answer, self._clock.utc())
            if not asked and tries >= MOST_TRIES:
                return answer
            if not self._pause(asked or backoff, f"answers {answer.status}", asked=bool(asked)):
                return answer

    def _pause(self, seconds: float, why: str, *, asked: bool = False) -> bool:
        """Wait; False, at once, where that would be longer than this may last."""
        with self._lock:
            now = self._clock.now()
            more = min(seconds, max(0.0, now + seconds - self._until))
            if more > self._left:
                return False
            alone = self._until <= now
            self._left -= more
            self._until = max(self._until, now + seconds)
        if asked and alone:
            self.tell(f"the Hub {why} and asks to wait {seconds:.0f} s: waiting")
        elif alone and seconds >= WORTH_TELLING:
            self.tell(f"the Hub {why}: trying again in {seconds:.0f} s")
        self._clock.sleep(seconds)
        return True


def asked_to_wait(answer: Answer, now: datetime) -> float:
    """The seconds that the Hub asks to wait, in `Retry-After` or `RateLimit`; 0 where it does not."""
    wanted = (answer.headers.get("Retry-After") or "").strip()
    if wanted.isdecimal():
        return float(wanted)
    if (moment := _moment(wanted)) is not None:
        sent = _moment(answer.headers.get("Date") or "") or now  # by the Hub's own clock where it tells that
        return max(0.0, (moment - sent).total_seconds())
    limit = LIMIT.search(answer.headers.get("RateLimit") or "") if answer.status == 429 else None
    return float(limit[1]) + 1 if limit else 0.0  # the Hub rounds down


def _moment(text: str) -> datetime | None:
    """The time of an HTTP date; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
