"""Moves requests to a new deployment in steps and watches each; a breach of a limit moves everything back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, NotReady, Refused
from infra.operations.rollout.evidence import limits_of
from infra.operations.rollout.sides import Side, Way
from infra.operations.rollout.verdict import summary, table
from infra.operations.rollout.watch import Watched, watch
from infra.resources.canary.moves import Live, changed_meanwhile, move, move_back, read_live
from infra.resources.canary.record import Canary
from infra.resources.canary.shares import Shares
from infra.resources.traffic import without
from infra.spec.durations import seconds_in
from infra.spec.rollout import RolloutSpec

MIRRORING = 0  # as a step: nothing but copies


class Moving(Struct, frozen=True):
    """What is moved on which endpoint, and how; `attempt` is the fingerprint of what is tried."""

    endpoint: str
    shares: Shares
    spec: RolloutSpec
    attempt: str
    instances: Mapping[str, int]
    """The number of instances of each deployment."""


def move_in_steps(cloud: Cloud, moving: Moving, way: Way) -> None:
    """Go on from the live split to the last step.

    Raises `Refused` with the code `slo_breached` once everything has been moved back, and with `traffic_changed` where
    somebody else has written another split.
    """
    _Rollout(cloud, moving, way).run()


class _Rollout:
    def __init__(self, cloud: Cloud, moving: Moving, way: Way) -> None:
        self._cloud = cloud
        self._moving = moving
        shares = moving.shares
        self._new, self._old = (Side(way, name, moving.instances.get(name, 1)) for name in (shares.new, shares.old))
        self._limits = limits_of(moving.spec.slo)
        self._live = Live({}, {}, None)
        """As it was read at first, or written last."""

    def run(self) -> None:
        """Watch the step that the split is at, then make and watch each further one."""
        live = self._live = read_live(self._cloud, self._moving.endpoint)
        at = self._moving.shares.at(live.traffic)
        self._tell(at)
        self._new.warm_up()
        self._old.warm_up()
        if at:
            self._step(at, live.traffic)
        elif self._can_mirror(live):
            self._step(MIRRORING, live.traffic)
        for step in self._moving.shares.left(live.traffic, self._moving.spec.steps):
            self._step(step, self._moving.shares.split(live.traffic, step))

    def _tell(self, at: int) -> None:
        new, old = self._moving.shares.new, self._moving.shares.old
        where = f"goes on at {at} %: that step is watched anew" if at else "begins"
        self._cloud.reporter.note(
            f"the rollout of {new} beside {old} {where}; Ctrl-C leaves requests as they are then, `gatelift up` goes "
            "on from there, `gatelift rollback` moves everything back"
        )

    def _can_mirror(self, live: Live) -> bool:
        others = [name for name in live.mirror if name != self._moving.shares.new]
        if self._moving.spec.mirror and others:
            self._cloud.reporter.note(f"nothing is mirrored: Azure mirrors to one deployment, and {others[0]} is it")
        return bool(self._moving.spec.mirror) and not others

    def _step(self, step: int, split: dict[str, int]) -> None:
        """Write a step and watch it; moves everything back and raises where it breaks a limit."""
        with self._phase(step) as kept:
            record = self._write(step, split)
            new, old = self._new, self._old
            seconds = seconds_in(self._moving.spec.pause)
            broken = watch(self._cloud, Watched(new, old, self._limits, seconds, lambda: self._make_sure(split)))
            if broken:
                raise self._back(record, broken)
            for line in table(new, old, self._limits):
                self._cloud.reporter.note(f"  {line}")
            kept.append(summary(new, old, self._limits))

    def _write(self, step: int, split: dict[str, int]) -> Canary:
        moving, shares = self._moving, self._moving.shares
        record = Canary(shares.new, shares.old, step, self._now(), moving.attempt)
        mirror = without(read_live(self._cloud, moving.endpoint).mirror, [shares.new, *split])
        if step == MIRRORING:
            mirror = {shares.new: moving.spec.mirror or 0}
        wanted = Live(split, mirror, record)
        move(self._cloud, moving.endpoint, record, wanted, self._live)
        self._live = wanted
        return record

    def _make_sure(self, split: Mapping[str, int]) -> None:
        """Raise where the split is no longer the one that was written, or somebody else has taken the stack's lock."""
        self._cloud.locks.check()
        try:
            now = read_live(self._cloud, self._moving.endpoint)
        except NotReady:  # a moment without a network is no reason to give up
            return
        if now.traffic != split or now.was_moved_back(self._moving.shares.new, since=self._live):
            raise changed_meanwhile(self._moving.endpoint, now)

    def _back(self, record: Canary, broken: str) -> Refused:
        """Move everything back; returns the error that tells why."""
        shares, lines = self._moving.shares, table(self._new, self._old, self._limits)
        failed = replace(record, since=self._now(), back=broken)
        move_back(self._cloud, self._moving.endpoint, failed, shares)
        message = (
            f"{shares.new} {record.place}: {broken}; all requests are back at {shares.old}, and {shares.new} stays at "
            "0 % for inspection"
        )
        between = sorted({*shares.others} - {shares.new, shares.old})
        also = f", as {' and '.join(between)} does" if between else ""
        hint = (
            f"`gatelift logs` shows the log of {shares.new}, which still costs money{also}; change the spec, or "
            "`gatelift up --try-again` starts again from the first step"
        )
        return Refused(message, hint=hint, code="slo_breached", log=tuple(lines))

    @contextmanager
    def _phase(self, step: int) -> Iterator[list[str]]:
        """Report a step as a phase, with what is put into the list as its detail."""
        kind, name = f"rollout: {f'{step} %' if step else 'mirrored'}", self._moving.shares.new
        began, said = self._cloud.clock.now(), list[str]()
        self._cloud.reporter.phase_started(kind, name)
        try:
            yield said
        except GateliftError as error:
            self._cloud.reporter.failed(kind, name, self._cloud.clock.now() - began, str(error))
            raise
        self._cloud.reporter.phase_finished(kind, name, self._cloud.clock.now() - began, ", ".join(said))

    def _now(self) -> str:
        return self._cloud.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
