"""Keeps the answers of the Retail Prices API for a day: a file for each region and currency in the cache folder."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from infra.azure.prices.price import MOST_HOURLY

FRESH = timedelta(days=1)
SILENT = timedelta(minutes=10)
"""How long an API that gave no answer is not asked again, so that not every command waits for it."""

Moment = Annotated[datetime, Meta(tz=True)]
Hour = Annotated[float, Meta(gt=0, lt=MOST_HOURLY)]


class Kept(Struct, frozen=True):
    """One answer: the price of an hour, None for a size that Azure has no price for, and when that was said."""

    hour: Hour | None
    at: Moment

    def is_fresh(self, now: datetime) -> bool:
        """Whether it is of the last 24 hours."""
        return timedelta(0) <= now - self.at < FRESH


class Failure(Struct, frozen=True):
    """What went wrong when the API was asked last, and when."""

    what: str
    at: Moment


class File(Struct, frozen=True):
    """What one file holds; names of sizes are in lower case."""

    prices: Mapping[str, Kept] = field(default_factory=dict)
    failure: Failure | None = None

    def failed(self, now: datetime) -> str:
        """What went wrong a short while ago; empty where the API may be asked."""
        recent = self.failure is not None and timedelta(0) <= now - self.failure.at < SILENT
        return self.failure.what if recent and self.failure else ""


class Cache:
    """The files in one folder; without a folder nothing is kept. A file that is damaged counts as absent."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, region: str, currency: str) -> File:
        """What is kept of a region in a currency."""
        if self._folder is None:
            return File()
        try:
            return msgspec.json.decode(self._path(region, currency).read_bytes(), type=File)
        except (OSError, ValueError):
            return File()

    def add(self, region: str, currency: str, prices: Mapping[str, Kept]) -> None:
        """Keep these beside what is there."""
        before = self.read(region, currency)
        self._write(region, currency, File({**before.prices, **prices}))

    def add_failure(self, region: str, currency: str, failure: Failure) -> None:
        """Keep what went wrong."""
        self._write(region, currency, File(self.read(region, currency).prices, failure))

    def _write(self, region: str, currency: str, file: File) -> None:
        """Replace the file at once; where that cannot be, prices are asked for again next time."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".prices-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(msgspec.json.encode(file))
                os.replace(temporary, self._path(region, currency))
            except OSError:
                os.unlink(temporary)
                raise

    def _path(self, region: str, currency: str) -> Path:
        return (self._folder or Path()) / f"{region}-{currency}.json"
