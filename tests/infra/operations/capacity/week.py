"""A week of a stack in the emulator: people, a burst, nights, and the shipped schedule that parks and wakes it.

Azure Monitor's clock stands still and is set ahead from event to event; the requests, the instances, the deletions and
the starts are real.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from infra.clock import SystemClock
from infra.operations.capacity.park import park, plan_park
from infra.operations.capacity.wake import wake
from infra.reporter import Silent

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BURST = 12  # requests a minute, where one instance is meant for 2
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# When the shipped schedule acts, of each day: (hour, minute).
EVENING, MORNING, EACH_HOUR = (18, 17), (5, 43), 31


class WeekClock(SystemClock):
    """Tells the time of day of the emulated week."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def utc(self) -> datetime:
        return self.moment


@dataclass
class Event:
    """Something that happened: when, what, and how many instances there are from then on."""

    at: datetime
    what: str
    instances: int

    def __str__(self) -> str:
        return f"{DAYS[self.at.weekday()]} {self.at:%H:%M}  {self.what:<52} {self.instances}"


@dataclass
class Week:
    """A stack that is up, and what happens to it."""

    bench: Any
    spec: Any
    emulator: Any
    info: Any
    clock: WeekClock = field(default_factory=WeekClock)
    log: list[Event] = field(default_factory=list)
    answers: list[tuple[datetime, int]] = field(default_factory=list)
    _seen: int = 0

    def __post_init__(self) -> None:
        self.target = replace(self.bench.target(self.spec), clock=self.clock)
        headers = {"Authorization": f"Bearer {self.info.api_key}"}
        self.client = httpx.Client(headers=headers, trust_env=False, timeout=60)
        self.portal = httpx.Client(base_url=self.emulator.portal, trust_env=False, timeout=60)

    def begin(self) -> None:
        """Let Azure Monitor's clock stand still at the beginning of the next week."""
        self._settings(monitor_speed=0)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.go_to(today + timedelta(days=7 - today.weekday(), hours=MORNING[0], minutes=MORNING[1]))
        self.monday = self.clock.moment - timedelta(hours=MORNING[0], minutes=MORNING[1])
        self._note("up")
        self.ask(1)  # as the smoke test of `up` did, on the machine's clock

    def go_to(self, moment: datetime) -> None:
        """Let the time pass, minute by minute for the autoscaler, and note what it does."""
        # A millisecond more: sums of seconds since 1970 are rounded, and the minute must be over.
        ahead = moment.timestamp() + 0.001 - self._told()["now"]
        known = self.portal.get("/settings").json()["monitor_seconds_ahead"]
        self._settings(monitor_seconds_ahead=known + ahead)
        until = moment.timestamp() // 60 * 60
        deadline = time.monotonic() + 120
        while (told := self._told())["looked_until"] < until:
            assert time.monotonic() < deadline, told
            time.sleep(0.02)
        self.clock.moment = moment
        for change in told["changes"][self._seen :]:
            way = "out" if change["after"] > change["before"] else "in"
            said = f"autoscale {way}: {change['reason'] or change['failure']}"
            self.log.append(Event(datetime.fromisoformat(change["time"]), said, change["after"]))
        self._seen = len(told["changes"])

    def ask(self, times: int) -> None:
        """Ask the endpoint so many times, as a client does."""
        for _ in range(times):
            answer = self.client.post(self.info.scoring_uri, json={"messages": [{"role": "user", "content": "?"}]})
            self.answers.append((self.clock.moment, answer.status_code))

    def burst(self, minutes: int = 10) -> None:
        """Ask much for some minutes."""
        for _ in range(minutes):
            self.ask(BURST)
            self.go_to(self.clock.moment + MINUTE)

    def park(self, after: float | None = None) -> None:
        """Run `gatelift park`, as the schedule does."""
        plan = plan_park(self.spec, self.target, after=after)
        if plan.to_do:
            park(self.spec, self.target, reporter=Silent(), after=after)
            self._note(f"park: {plan.reason or 'evening'}")

    def wake(self) -> None:
        """Run `gatelift wake`."""
        found = wake(self.spec, self.target, reporter=Silent())
        if found.parked_since:
            self._note(f"wake, after {found.seconds:.1f} s")

    def instances(self) -> int:
        """How many instances there are now."""
        found = self.target.arm.list(f"{self.target.workspace.endpoint(self.spec.endpoint.name)}/deployments")
        return sum(int(each["sku"]["capacity"]) for each in found)

    def instance_hours(self) -> float:
        """What a week of this is billed for."""
        events = sorted(self.log, key=lambda each: each.at)
        ends = [each.at for each in events[1:]] + [self.monday + timedelta(days=7)]
        return sum(each.instances * (end - each.at) / HOUR for each, end in zip(events, ends, strict=True))

    def _note(self, what: str) -> None:
        self.log.append(Event(self.clock.moment, what, self.instances()))

    def _told(self) -> dict[str, Any]:
        return dict(self.portal.get("/autoscale").json())

    def _settings(self, **changes: float) -> None:
        self.portal.patch("/settings", json=changes).raise_for_status()


def live(week: Week) -> None:
    """Live through the week, event by event."""
    for moment, what in events(week.monday):
        week.go_to(moment)
        if what == "ask":
            week.ask(1)
        elif what == "burst":
            week.burst()
        elif what == "evening":
            week.park()
        elif what == "hour":
            week.park(after=2 * 3600)
        else:
            week.wake()
    week.go_to(week.monday + timedelta(days=7))


def events(monday: datetime) -> Iterator[tuple[datetime, str]]:
    """What happens when: on Monday the evening's job fails, on Wednesday nobody comes after noon."""
    found: list[tuple[datetime, str]] = []
    for day in range(7):
        midnight = monday + timedelta(days=day)
        found += [(midnight + timedelta(hours=hour, minutes=EACH_HOUR), "hour") for hour in range(24)]
        if day >= 5:
            continue
        found.append((midnight + timedelta(hours=MORNING[0], minutes=MORNING[1]), "morning"))
        if day > 0:
            found.append((midnight + timedelta(hours=EVENING[0], minutes=EVENING[1]), "evening"))
        last = 12 if day == 2 else 18
        found += [(midnight + timedelta(hours=hour, minutes=5), "ask") for hour in range(7, last)]
        found.append((midnight + timedelta(hours=10, minutes=15), "burst"))
    friday, saturday = monday + timedelta(days=4), monday + timedelta(days=5)
    found += [(monday + timedelta(hours=hour, minutes=5), "ask") for hour in range(18, 22)]
    found.append((monday + timedelta(hours=21, minutes=50), "burst"))  # work at night
    found.append((friday - HOUR * 6 + MINUTE * 5, "burst"))  # on Thursday until the evening's job
    found.append((saturday + timedelta(hours=10), "by hand"))
    found.append((saturday + timedelta(hours=10, minutes=20), "ask"))
    found.append((saturday + timedelta(days=1, hours=12), "ask"))  # on Sunday
    # What the hours before the first `up` would have done is left out.
    return iter(sorted(each for each in found if each[0] > monday + timedelta(hours=MORNING[0], minutes=MORNING[1])))
