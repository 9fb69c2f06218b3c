"""When requests are sent: at random times with a given rate, as vLLM's own bench sends them."""

import math
import random


def arrivals(count: int, rate: float, burstiness: float = 1.0, seed: int = 0) -> list[float]:
    """The seconds at which `count` requests are sent at `rate` a second; all at 0 where the rate is infinite.

    Intervals follow a gamma distribution of shape `burstiness`, which at 1 makes a Poisson process; below it requests
    come in bursts, above it evenly. As in vLLM's bench they are scaled: the last is sent after `count / rate` seconds.
    """
    if math.isinf(rate):
        return [0.0] * count
    chance = random.Random(seed)  # noqa: S311 (no secret depends on it)
    times, now = [], 0.0
    for _ in range(count):
        now += chance.gammavariate(burstiness, 1 / (rate * burstiness))
        times.append(now)
    scale = count / rate / times[-1] if times else 1.0
    return [time * scale for time in times]
