"""Stored responses in Redis, for deployments of several instances: what one has stored the others find."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from scoring.errors import BadSettings
from scoring.responses.store.base import StoreUnavailable
from scoring.settings.response_store import ResponseStoreSettings

Result = TypeVar("Result")

# One hash tag, so that all keys lie in one slot of a cluster and a script may use them together.
PREFIX = "{gatelift-responses}:"
SECONDS_TO_ANSWER = 5.0
# KEYS: payload, index by age, sizes, total. ARGV: id, prefix of payloads, time limit (ms); payload, size limit.
# The server's clock counts: those of the instances may differ.
FORGET = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function forget(id)
    local size = redis.call('HGET', KEYS[3], id)
    redis.call('DEL', ARGV[2] .. id)
    redis.call('ZREM', KEYS[2], id)
    if size then
        redis.call('HDEL', KEYS[3], id)
        redis.call('DECRBY', KEYS[4], size)
    end
    return size
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])) do forget(id) end
"""
DELETE = FORGET + "if forget(ARGV[1]) then return 1 end return 0"
PUT = (
    FORGET
    + """
forget(ARGV[1])
local size, limit = #ARGV[4], tonumber(ARGV[5])
if size > limit then return 0 end
while tonumber(redis.call('GET', KEYS[4]) or 0) + size > limit do
    local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
    if not oldest then redis.call('DEL', KEYS[4]) break end
    forget(oldest)
end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], size)
redis.call('INCRBY', KEYS[4], size)
return 1
"""
)


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
        except ValueError as error:
            raise BadSettings(f"SCORING_RESPONSE_STORE: {error}", hint="write redis://host:6379/0") from error
        self._errors = (RedisError, OSError, TimeoutError)
        self._settings = settings
        self._put = self._client.register_script(PUT)
        self._delete = self._client.register_script(DELETE)

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under this id; Redis itself forgets it when its time is up."""
        found: bytes | None = await self._ask(lambda: self._client.get(f"{PREFIX}response:{key}"))
        return found

    async def put(self, key: str, payload: bytes) -> bool:
        """Keep it, and let the oldest go where it would not fit."""
        return bool(await self._ask(lambda: self._call(self._put, key, payload, self._settings.size)))

    async def delete(self, key: str) -> bool:
        """Forget it; False when nothing was kept."""
        return bool(await self._ask(lambda: self._call(self._delete, key)))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _call(self, script: Any, key: str, *more: bytes | int) -> Awaitable[Any]:
        payloads = f"{PREFIX}response:"
        keys = [payloads + key, f"{PREFIX}by-age", f"{PREFIX}sizes", f"{PREFIX}total"]
        limit = max(1, int(self._settings.seconds * 1000))
        answer: Awaitable[Any] = script(keys=keys, args=[key, payloads, limit, *more])
        return answer

    async def _ask(self, work: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await work()
        except self._errors as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}") from error
