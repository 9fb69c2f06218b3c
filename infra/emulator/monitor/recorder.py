"""What happens at endpoints and in their instances, minute by minute: what Azure Monitor's metrics are made of.

It is kept in memory for a day of Azure Monitor's clock, and not across restarts.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.emulator.monitor.clock import MINUTE, MonitorClock
from infra.emulator.state.store import Document, key_of

KEPT_CHANGES = 1000
KEPT_MINUTES = 24 * 60


@dataclass(frozen=True)
class Answered:
    """One answered request: the front end's status, the container's (0 for none), and its latency in milliseconds."""

    status: int
    model_status: int
    latency: float


@dataclass
class Minute:
    """What happened in one minute to one deployment."""

    answered: list[Answered] = field(default_factory=list)
    begun: int = 0
    """Requests that came."""
    most: int = 0
    """The most requests that were under way at a time."""
    busy: dict[int, float] = field(default_factory=dict)
    """Seconds in which an instance had at least one request, by its number."""
    instances: int | None = None
    """How many instances were ready at its end; None if nobody has looked."""


class Recorder:
    """Is told by the front ends and by the autoscaler; answers by deployment and minute."""

    def __init__(self, clock: MonitorClock) -> None:
        self.clock = clock
        self.looked_until = 0.0  # the end of the last minute that the autoscaler has dealt with
        self.changes: deque[Document] = deque(maxlen=KEPT_CHANGES)
        self._minutes: dict[str, dict[int, Minute]] = {}
        self._under_way: Counter[str] = Counter()
        self._working: dict[tuple[str, int], tuple[int, float]] = {}  # requests at an instance, and since when

    def came(self, deployment_id: str) -> float:
        """A request came; returns the moment."""
        key, moment = key_of(deployment_id), self.clock.now()
        self._under_way[key] += 1
        minute = self._minute(key, moment)
        minute.begun += 1
        minute.most = max(minute.most, self._under_way[key])
        return moment

    def went(self, deployment_id: str, answered: Answered | None) -> None:
        """A request that came has ended; `answered` is None where the client left before."""
        key = key_of(deployment_id)
        self._under_way[key] -= 1
        if answered is not None:
            self._minute(key, self.clock.now()).answered.append(answered)

    def began(self, deployment_id: str, instance: int) -> None:
        """An instance works on one more request."""
        key = key_of(deployment_id)
        count, since = self._working.get((key, instance), (0, self.clock.now()))
        self._working[key, instance] = count + 1, since

    def ended(self, deployment_id: str, instance: int) -> None:
        """An instance has one request less to work on."""
        key = key_of(deployment_id)
        count, since = self._working.pop((key, instance), (0, self.clock.now()))
        if count > 1:
            self._working[key, instance] = count - 1, since
        else:
            self._add_busy(key, instance, since, self.clock.now())

    def sample(self, deployment_id: str, moment: float, instances: int) -> None:
        """Note how many instances were ready at the end of the minute before this moment."""
        key = key_of(deployment_id)
        for of, instance in list(self._working):
            if of == key:  # what is still worked on counts until now
                count, since = self._working[of, instance]
                now = self.clock.now()
                self._add_busy(key, instance, since, now)
                self._working[of, instance] = count, now
        self._minute(key, moment - 1).instances = instances

    def between(self, deployment_id: str, begin: float, end: float) -> Iterator[tuple[int, Minute]]:
        """The whole minutes from `begin` to `end` with their first second; empty where nothing happened."""
        known = self._minutes.get(key_of(deployment_id), {})
        for number in range(int(begin // MINUTE), int(end // MINUTE)):
            yield int(number * MINUTE), known.get(number, Minute())

    def note(self, change: Document) -> None:
        """Keep what the autoscaler did."""
        self.changes.append(change)

    def forget(self, deployment_id: str) -> None:
        """Forget a deployment that was deleted."""
        self._minutes.pop(key_of(deployment_id), None)

    def _minute(self, key: str, moment: float) -> Minute:
        number = int(moment // MINUTE)
        minutes = self._minutes.setdefault(key, {})
        if number not in minutes:
            for old in [each for each in minutes if each < number - KEPT_MINUTES]:
                del minutes[old]
            minutes[number] = Minute()
        return minutes[number]

    def _add_busy(self, key: str, instance: int, begin: float, end: float) -> None:
        """Add a span of work to the minutes in which it was."""
        while begin < end:
            until = min(end, (begin // MINUTE + 1) * MINUTE)
            busy = self._minute(key, begin).busy
            busy[instance] = busy.get(instance, 0.0) + until - begin
            begin = until
