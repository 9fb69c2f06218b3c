"""Asks the Hub over plain HTTP: waits where it asks to, tries again, follows it, and sends the token to it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

from infra.clock import Clock
from infra.http_client import Answer, Unreachable, Web
from infra.hub.patience import Patience
from infra.timeouts import Timeouts

REDIRECTS = 5
MOVED = (301, 302, 303, 307, 308)


class Asker:
    """Sends GETs to one Hub, as patiently as `GATELIFT_HUB_TIMEOUT` says."""

    def __init__(self, endpoint: str, timeouts: Timeouts, clock: Clock | None = None) -> None:
        self._patience = Patience(timeouts.hub_pauses, clock)
        self._endpoint = endpoint
        self._web = Web(connect=timeouts.connect, read=timeouts.hub)

    def tell(self, text: str) -> None:
        """Show a line to the person who waits."""
        self._patience.tell(text)

    def tell_to(self, tell: Callable[[str], None]) -> None:
        """Have lines shown by `tell`."""
        self._patience.tell = tell

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
        places: list[str] = []

        def ask() -> Answer:
            answer, place = self._follow(url, token, headers or {}, at_most)
            places.append(place)
            return answer

        return self._patience.answer(ask), places[-1]

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


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, of which each must be the same for a token to be sent."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _may_follow(url: str, place: str) -> bool:
    """Whether a redirect leads to another place of the web, and not from TLS to plain text."""
    schemes = urlsplit(url).scheme, urlsplit(place).scheme
    return schemes[1] in ("http", "https") and schemes != ("https", "http")
