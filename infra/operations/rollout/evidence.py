"""Holds what was seen of a deployment to the limits of a rollout: a limit allows a share of cases to be over it.

A percentile is judged as what it means: at most 5 % of the cases may be longer than the limit of a p95. A share above
the allowed one is a breach once chance does not explain it: a single slow answer of twenty shows nothing, ten of twenty
do. So few cases are judged carefully and many strictly, and no number of cases has to be waited for. Where the old
deployment is over a limit in the same time, too, the cause is not the new one's unless it is worse than the old one.
"""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from infra.load.ask import Sample
from infra.load.summary import percentile
from infra.operations.rollout.metrics import FAILED, Counted, Histogram
from infra.spec.durations import fraction_in, seconds_in
from infra.spec.rollout import SloSpec

P95 = 0.95
AT_THE_END, EARLY = 0.05, 0.001
"""How likely chance may explain a breach: at the end of a step, and while it is watched, where it is asked often."""


class Limit(Struct, frozen=True):
    """One limit: its name and value as in the spec, the share of cases that it allows, and the seconds of a time."""

    name: str
    written: str
    allowed: float
    seconds: float = 0.0


class Evidence(Struct, frozen=True):
    """How many cases were seen, how many of them were over the limit, and the value that is compared with it."""

    cases: int
    over: int
    value: float
    """The percentile in seconds, or the share of requests that failed; nan for no cases."""
    answers: int = 0
    """From how many answers the cases come, where there are several of each: a moment's delay is in all of them."""

    def breaks(self, limit: Limit, chance: float) -> bool:
        """Whether more are over the limit than it allows, and chance explains it less likely than this."""
        over, cases = self.independent
        return over > cases * limit.allowed and tail(over, cases, limit.allowed) < chance

    @property
    def independent(self) -> tuple[int, int]:
        """How many are over the limit and how many cases there are, if those of one answer count as one."""
        if not 0 < self.answers < self.cases:
            return self.over, self.cases
        return self.over * self.answers // self.cases, self.answers

    def exceeds(self, limit: Limit) -> bool:
        """Whether more are over the limit than it allows, by chance or not."""
        return self.over > self.cases * limit.allowed

    def worse_than(self, other: "Evidence", chance: float) -> bool:
        """Whether a larger share is over the limit than of the other, and chance explains it less likely than this."""
        (over, cases), (before, of) = self.independent, other.independent
        theirs = (before + 1) / (of + 2)  # Laplace's estimate: few cases do not make it 0 or 1
        return over > cases * theirs and tail(over, cases, theirs) < chance


def limits_of(slo: SloSpec) -> tuple[Limit, ...]:
    """The limits that the spec has."""
    times = {"ttft_p95": slo.ttft_p95, "gap_p95": slo.gap_p95}
    found = [Limit(name, time, 1 - P95, seconds_in(time)) for name, time in times.items() if time]
    return (*found, Limit("error_rate", slo.error_rate, fraction_in(slo.error_rate)))


def of_server(counted: Counted, limit: Limit) -> Evidence:
    """What the server's own metrics say: a case counts as over only if its bucket lies wholly above the limit."""
    if limit.name == "error_rate":
        return _of_counts(counted.failed, counted.requests)
    times: Histogram = counted.ttft if limit.name == "ttft_p95" else counted.gaps
    return Evidence(times.total, times.surely_above(limit.seconds), times.percentile(P95), counted.ttft.total)


def of_samples(samples: Sequence[Sample], limit: Limit) -> Evidence:
    """What requests of our own say."""
    if limit.name == "error_rate":
        return _of_counts(sum(is_failure(sample) for sample in samples), len(samples))
    values = list(_times(samples, limit.name))
    over, answers = sum(value > limit.seconds for value in values), sum(not sample.failed for sample in samples)
    return Evidence(len(values), over, percentile(values, P95), answers)


def is_failure(sample: Sample) -> bool:
    """Whether the deployment is to blame: no answer, one that breaks off, or a status of its own making."""
    return sample.failed and (sample.status in FAILED or not 400 <= sample.status < 500)


def tail(over: int, cases: int, share: float) -> float:
    """How likely so many of the cases, or more, are over a limit if this share of all is (binomial)."""
    if over <= 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    logarithm = math.lgamma(cases + 1) - math.lgamma(over + 1) - math.lgamma(cases - over + 1)
    term = math.exp(logarithm + over * math.log(share) + (cases - over) * math.log1p(-share))
    total, odds = 0.0, share / (1 - share)
    for count in range(over, cases + 1):
        total += term
        term *= (cases - count) / (count + 1) * odds
        if term <= total * 1e-9 and count >= cases * share:  # equal: both are 0, as of millions of cases
            break
    return min(total, 1.0)


def _of_counts(failed: int, requests: int) -> Evidence:
    return Evidence(requests, failed, failed / requests if requests else math.nan)


def _times(samples: Sequence[Sample], name: str) -> Iterator[float]:
    for sample in samples:
        if sample.failed:
            continue
        if name == "gap_p95":
            yield from sample.gaps
        elif sample.ttft is not None:
            yield sample.ttft
