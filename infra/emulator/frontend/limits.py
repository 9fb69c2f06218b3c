"""The limits of one endpoint: requests and bytes per second, and the sizes of requests and answers.

Azure refuses requests above the rate and delays bytes above the bandwidth; all deployments of an endpoint share these.
"""

import asyncio

from starlette.types import Message, Receive

from infra.emulator.gateway.token_bucket import TokenBucket
from infra.emulator.state.settings import Settings


class TooLarge(Exception):
    """An answer of a container is larger than the endpoint passes on."""


class Limits:
    """The limits of one endpoint, always as they are in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: dict[str, tuple[float, TokenBucket]] = {}

    def admits(self) -> bool:
        """Whether one more request is within the rate."""
        bucket = self._bucket("endpoint_requests_per_second")
        if bucket is None:
            return True
        if bucket.held < 1:
            return False
        bucket.take()
        return True

    async def wait_for_bandwidth(self, count: int) -> None:
        """Wait until the bandwidth allows `count` more bytes; the first second's worth passes at once."""
        bucket = self._bucket("endpoint_bytes_per_second")
        if bucket and (seconds := bucket.take(count)):
            await asyncio.sleep(seconds)

    def request_limit(self) -> int:
        """The largest body of a request in bytes, 0 for any."""
        return int(self._settings["endpoint_request_bytes"])

    def check_answer(self, count: int) -> None:
        """`TooLarge` if an answer of `count` bytes is above the limit."""
        most = self._settings["endpoint_response_bytes"]
        if most and count > most:
            raise TooLarge

    def _bucket(self, setting: str) -> TokenBucket | None:
        rate = self._settings[setting]
        if not rate:
            return None
        if self._buckets.get(setting, (0, None))[0] != rate:
            self._buckets[setting] = (rate, TokenBucket(rate, rate))
        return self._buckets[setting][1]


class Incoming:
    """The body of a client's request, counted and delayed on its way."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._seen = 0
        self.too_large = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if body := message.get("body", b""):
            self._seen += len(body)
            most = self._limits.request_limit()
            if most and self._seen > most:
                self.too_large = True
                return {"type": "http.disconnect"}
            await self._limits.wait_for_bandwidth(len(body))
        return message
