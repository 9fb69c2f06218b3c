"""Asks the Hub over plain HTTP: waits where it asks to, tries again, follows it, and sends the token to it alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from infra.clock import Clock, SystemClock
from infra.http_client import TRANSIENT, Answer, Unreachable, Web
from infra.timeouts import Timeouts

REDIRECTS = 5
MOVED = (301, 302, 303, 307, 308)
MOST_TRIES, MOST_CONNECTIONS = 5, 3  # of a Hub that answers with an error, and of one that does not answer
FIRST_PAUSE, WORTH_TELLING = 0.5, 2.0  # seconds
LIMIT = re.compile(r";\s*t\s*=\s*(\d+)")  # `RateLimit: "api";r=0;t=55`


class Asker:
    """Sends GETs to one Hub; `tell` shows a line to the person who waits."""

    def __init__(self, endpoint: str, timeouts: Timeouts, clock: Clock | None = None) -> None:
        self.tell: Callable[[str], None] = lambda text: None
        self._endpoint = endpoint
        self._web = Web(connect=timeouts.connect, read=timeouts.hub)
        self._clock = clock or SystemClock()
        self._left = timeouts.hub_pauses

    def get(
        self,
        url: str,
        token: str | None,
        *,
        headers: Mapping[str, str] | None = None,
        at_most: int | None = None,
    ) -> tuple[Answer, str]:
        """The last answer, whatever its status, and its address; `Unreachable` where none comes.

        All pauses of one `Asker` together last no longer than `GATELIFT_HUB_TIMEOUT`.
        """
        tries = 0
        while True:
            tries += 1
            backoff = FIRST_PAUSE * 2 ** (tries - 1)
            try:
                answer, place = self._follow(url, token, headers or {}, at_most)
            except Unreachable as error:
                if error.final or tries >= MOST_CONNECTIONS or not self._pause(backoff, str(error)):
                    raise
                continue
            if answer.status not in TRANSIENT:
                return answer, place
            asked = asked_to_wait(answer, self._clock.utc())
            if not asked and tries >= MOST_TRIES:
                return answer, place
            if not self._pause(asked or backoff, f"answers {answer.status}", asked=bool(asked)):
                return answer, place

    def _pause(self, seconds: float, why: str, *, asked: bool = False) -> bool:
        """Wait; False, at once, where that would be longer than this may last."""
        if seconds > self._left:
            return False
        self._left -= seconds
        if asked:
            self.tell(f"the Hub {why} and asks to wait {seconds:.0f} s: waiting")
        elif seconds >= WORTH_TELLING:
            self.tell(f"the Hub {why}: trying again in {seconds:.0f} s")
        self._clock.sleep(seconds)
        return True

    def _follow(
        self, url: str, token: str | None, headers: Mapping[str, str], at_most: int | None
    ) -> tuple[Answer, str]:
        """The answer at the end of the redirects; the token is sent to the Hub's own host, and no more once it left."""
        for _ in range(REDIRECTS):
            sent = {"User-Agent": "gatelift", **headers}
            if token and origin(url) == origin(self._endpoint):
                sent["Authorization"] = f"Bearer {token}"
            else:
                token = None
            try:
                answer = self._web.send("GET", url, headers=sent, at_most=at_most)
            except Unreachable as error:
                error.url = url
                raise
            place = urljoin(url, answer.headers.get("Location") or "")
            if answer.status not in MOVED or place == url or not _may_follow(url, place):
                break
            url = place
        return answer, url


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


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, of which each must be the same for a token to be sent."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _may_follow(url: str, place: str) -> bool:
    """Whether a redirect leads to another place of the web, and not from TLS to plain text."""
    schemes = urlsplit(url).scheme, urlsplit(place).scheme
    return schemes[1] in ("http", "https") and schemes != ("https", "http")


def _moment(text: str) -> datetime | None:
    """The time of an HTTP date; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
