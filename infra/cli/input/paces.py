"""Reads how fast `gatelift bench` asks: its lists of rates and of requests at a time."""

import math
from typing import Any

import click

from infra.load.run import MOST_STREAMS, Pace

MOST_REQUESTS = 1_000_000
LONGEST = 86_400.0  # seconds


class Rates(click.ParamType[tuple[float, ...]]):
    """Rates a second, separated by commas; `inf` sends all at once."""

    name = "rates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """The rates, or a usage error."""
        try:
            found = tuple(float(word) for word in str(value).split(","))
        except ValueError:
            found = (math.nan,)
        if not all(rate > 0 for rate in found):
            self.fail(f"{value!r} is no list of rates above 0, such as 1,4,16 or inf", param, ctx)
        return found


class Counts(click.ParamType[tuple[int, ...]]):
    """Numbers of requests at a time, separated by commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers, or a usage error."""
        words = str(value).split(",")
        if not all(word.strip().isdecimal() and 1 <= int(word) <= MOST_STREAMS for word in words):
            self.fail(f"{value!r} is no list of numbers from 1 to {MOST_STREAMS}, such as 1,8,32", param, ctx)
        return tuple(int(word) for word in words)


class Names(click.ParamType[tuple[str, ...]]):
    """Different names, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, or a usage error."""
        names = tuple(word.strip().lower() for word in str(value).split(","))
        if not all(names) or len(names) != len(set(names)):
            self.fail(f"{value!r} is no list of different names, such as blue,green", param, ctx)
        return names


def paces_of(rates: tuple[float, ...], concurrency: tuple[int, ...], usual: Pace) -> tuple[Pace, ...]:
    """Every rate with every number of requests at a time; `usual` has what they share. `UsageError` for no end."""
    if not rates:
        rates = (math.inf,) if concurrency else (1.0, 2.0, 4.0)
    paces = tuple(
        Pace(rate, most, usual.requests, usual.seconds, usual.burstiness, usual.seed)
        for rate in rates
        for most in concurrency or (None,)
    )
    for pace in paces:
        _refuse_endless(pace)
        if math.isinf(pace.rate) and pace.concurrency is None and not 0 < (pace.requests or 0) <= MOST_STREAMS:
            raise click.UsageError(
                f"--rate inf sends all requests at once: add --concurrency N, or --requests N of at most {MOST_STREAMS}"
            )
    return paces


def _refuse_endless(pace: Pace) -> None:
    """`UsageError` for a pace that sends nothing in its time, or more or longer than anybody means."""
    if math.isinf(pace.rate):
        return
    if pace.requests is None and pace.rate * (pace.seconds or 0) < 1:
        raise click.UsageError(
            f"--rate {pace.rate:g} sends no request in {pace.seconds:g} s: give --requests or more --seconds"
        )
    if (pace.count or 0) > MOST_REQUESTS:
        raise click.UsageError(
            f"--rate {pace.rate:g} is {pace.count} requests in {pace.seconds:g} s, more than {MOST_REQUESTS}"
        )
    if (pace.lasts or 0) > LONGEST:
        raise click.UsageError(f"{pace.requests} requests at --rate {pace.rate:g} take longer than a day")
