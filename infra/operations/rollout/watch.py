"""Watches one step of a rollout: looks at both deployments again and again until its time is over or a limit breaks."""

import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.operations.rollout.evidence import Limit
from infra.operations.rollout.sides import Side, ask_both
from infra.operations.rollout.verdict import breach, table

ROUNDS = 20  # at least
LATE_ROUNDS = 10  # are enough where answers are so slow that the step's time is over
LONGEST_ROUND = 15.0  # seconds
MOST_ASKED = 40  # questions of our own to each deployment in a step, however long it is: half of them at its beginning
TOLD_EVERY = 60.0  # seconds
UNSEEN = "nothing was seen of it: its server's metrics could not be read, and no question was answered or refused"


class Watched(Struct, frozen=True):
    """The step to watch: both deployments, the limits, the seconds it takes, and what to make sure of in each round."""

    new: Side
    old: Side
    limits: Sequence[Limit]
    seconds: float
    make_sure: Callable[[], None]
    """Raises where somebody else has changed the split."""


def watch(cloud: Cloud, step: Watched) -> str:
    """Watch the step to its end, or until a limit is broken beyond doubt; returns what is broken, empty for nothing."""
    rounds = max(ROUNDS, math.ceil(step.seconds / LONGEST_ROUND))
    asked_every = max(1, math.ceil((rounds - ROUNDS) / (MOST_ASKED - ROUNDS)))
    began = told = cloud.clock.now()
    step.new.begin()
    step.old.begin()
    for number in range(rounds):
        if number < ROUNDS or number % asked_every == 0:
            ask_both(step.new, step.old, number)
        wait = began + (number + 1) * step.seconds / rounds - cloud.clock.now()
        if wait > 0:
            cloud.clock.sleep(wait)
        step.new.look_around()
        step.old.look_around()
        step.make_sure()
        if broken := breach(step.new, step.old, step.limits, early=True):
            return broken
        if cloud.clock.now() - began >= step.seconds and number + 1 >= LATE_ROUNDS:
            break
        if cloud.clock.now() - told >= TOLD_EVERY and number + 1 < rounds:
            told = cloud.clock.now()
            for line in table(step.new, step.old, step.limits):
                cloud.reporter.note(f"  {line}")
    if not any(step.new.evidence(limit) for limit in step.limits):
        return UNSEEN
    return breach(step.new, step.old, step.limits)
