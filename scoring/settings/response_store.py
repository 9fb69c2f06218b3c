"""Where responses are to be kept: SCORING_RESPONSE_STORE and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from scoring.errors import BadSettings
from scoring.settings.limits import MEBIBYTE, read_number

DAY = 86_400.0
PREFIX = "SCORING_RESPONSE_STORE"
ADDRESS = "write redis://:PASSWORD@host:6379/0, with what is no letter or digit in the password as %2F and the like"
REDIS_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class ResponseStoreSettings:
    """Which store, how long a response is kept there (seconds), and how much all of them may take (bytes)."""

    url: str = field(default="memory", repr=False)  # may hold a password
    seconds: float = DAY
    size: int = 256 * MEBIBYTE


def read_response_store(environ: Mapping[str, str]) -> ResponseStoreSettings:
    """Read SCORING_RESPONSE_STORE (`memory`, `sqlite:///path`, `redis://host`), …_SECONDS and …_BYTES."""
    url = environ.get(PREFIX) or "memory"
    try:
        parts = urlsplit(url)
    except ValueError:  # its words, and those of redis, may have a part of the password in them
        raise BadSettings(f"{PREFIX} is no address", hint=ADDRESS) from None
    if url != "memory" and not (parts.scheme == "sqlite" and parts.path.strip("/")) and not is_redis(url):
        raise BadSettings(
            f"{PREFIX} is a {parts.scheme or 'word'!s} that is no store",
            hint="write memory, sqlite:///folder/file.db, redis://host:6379/0 or rediss://…",
        )
    return ResponseStoreSettings(
        url=url,
        seconds=read_number(environ, f"{PREFIX}_SECONDS", DAY, above_zero=True),
        size=int(read_number(environ, f"{PREFIX}_BYTES", 256 * MEBIBYTE, above_zero=True)),
    )


def is_redis(url: str) -> bool:
    """Whether the address is that of a Redis server."""
    return urlsplit(url).scheme in REDIS_SCHEMES
