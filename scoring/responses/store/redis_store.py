"""Stored responses in Redis, for deployments of several instances: what one has stored the others find."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from scoring.errors import BadSettings
from scoring.responses.store.base import Kept, Outcome, StoreUnavailable, share_of
from scoring.responses.store.redis_scripts import ADD, DELETE, FREE, REPLACE
from scoring.settings.response_store import ADDRESS, ResponseStoreSettings

Result = TypeVar("Result")

# One hash tag, so that all keys lie in one slot of a cluster and a script may use them together; 2 is the format.
PREFIX = "{gatelift-responses}:2:"
SECONDS_TO_ANSWER = 5.0


class RedisStore:
    """A client of a Redis server (5 or newer), connected when it is first asked."""

    shared = True

    def __init__(self, settings: ResponseStoreSettings) -> None:
        try:
            from redis import asyncio as redis_asyncio  # optional, only for this store
            from redis.exceptions import RedisError
        except ImportError as error:
            raise BadSettings(
                "SCORING_RESPONSE_STORE names a Redis server, but the package redis is not installed",
                hint="pip install redis, or the extra gatelift[redis]",
            ) from error
        try:
            self._client: Any = redis_asyncio.from_url(
                settings.url, socket_timeout=SECONDS_TO_ANSWER, socket_connect_timeout=SECONDS_TO_ANSWER
            )
        except ValueError:
            raise BadSettings("SCORING_RESPONSE_STORE is no address of a Redis server", hint=ADDRESS) from None
        self._errors = (RedisError, OSError, TimeoutError)
        self._settings = settings
        self.callers = 1
        self._add, self._replace, self._delete, self._free = (
            self._client.register_script(script) for script in (ADD, REPLACE, DELETE, FREE)
        )

    async def get(self, key: str) -> Kept | None:
        """Return what is kept under this id; Redis itself forgets it when its time is up."""
        names = ("payload", "version", "owner")
        found = await self._ask(lambda: self._client.hmget(f"{PREFIX}record:{key}", *names))
        return None if found[0] is None else Kept(found[0], int(found[1]), found[2].decode())

    async def add(self, key: str, payload: bytes, owner: str) -> Outcome:
        """Keep something new."""
        return await self._change(self._add, key, owner, payload)

    async def replace(self, key: str, payload: bytes, version: int) -> Outcome:
        """Keep this in the place of a version, and start its time anew."""
        return await self._change(self._replace, key, version, payload)

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""
        return bool(await self._ask(lambda: self._call(self._delete, key)))

    async def room(self, owner: str) -> int:
        """Return how many bytes this caller may add now."""
        return int(await self._ask(lambda: self._call(self._free, "", *self._limits(), owner)))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _change(self, script: Any, key: str, *more: bytes | int | str) -> Outcome:
        said: bytes = await self._ask(lambda: self._call(script, key, *self._limits(), *more))
        return Outcome(said.decode())

    def _limits(self) -> tuple[int, int, int]:
        share = share_of(self._settings, self.callers)
        return self._settings.size, share.size, int(share.own_oldest_go)

    def _call(self, script: Any, key: str, *more: bytes | int | str) -> Awaitable[Any]:
        limit = max(1, int(self._settings.seconds * 1000))
        answer: Awaitable[Any] = script(keys=[f"{PREFIX}record:{key}"], args=[key, PREFIX, limit, *more])
        return answer

    async def _ask(self, work: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await work()
        except self._errors as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}") from error
