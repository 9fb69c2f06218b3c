"""Leases of blobs: who may write and delete one, by the storage service's own clock.

States and outcomes as in https://learn.microsoft.com/rest/api/storageservices/lease-blob
"""

import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from infra.emulator.storage.documents import StorageError

SHORTEST, LONGEST, INFINITE = 15, 60, -1  # seconds
Lease = dict[str, Any]
"""`id`, `seconds` (-1: infinite), `until` (when it expires) and `breaks` (when a broken one ends, None before that)."""


class Leases:
    """The rules of leases at one moment; `now` is the storage service's time in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def state(self, lease: Lease | None) -> str:
        """`available`, `leased`, `breaking`, `broken` or `expired`."""
        if not lease:
            return "available"
        if lease["breaks"] is not None:
            return "breaking" if self._now() < lease["breaks"] else "broken"
        return "expired" if lease["seconds"] != INFINITE and self._now() >= lease["until"] else "leased"

    def shown(self, lease: Lease | None) -> dict[str, str]:
        """The headers that show a lease."""
        state = self.state(lease)
        headers = {
            "x-ms-lease-state": state,
            "x-ms-lease-status": "locked" if state in ("leased", "breaking") else "unlocked",
        }
        if lease and state == "leased":
            headers["x-ms-lease-duration"] = "infinite" if lease["seconds"] == INFINITE else "fixed"
        return headers

    def act(self, lease: Lease | None, headers: Mapping[str, str]) -> tuple[int, Lease | None, dict[str, str]]:
        """Do what `x-ms-lease-action` says; returns the status, the lease that results and the answer's headers."""
        actions = {
            "acquire": self._acquire,
            "renew": self._renew,
            "change": self._change,
            "release": self._release,
            "break": self._break,
        }
        action = actions.get(headers.get("x-ms-lease-action", ""))
        if action is None:
            raise StorageError(400, "InvalidHeaderValue")
        return action(lease, headers)

    def check_write(self, lease: Lease | None, sent: str | None) -> None:
        """412 for a write or deletion of a leased blob without the lease's id, or with that of a lease that ended."""
        state = self.state(lease)
        if state in ("leased", "breaking"):
            if not sent:
                raise StorageError(412, "LeaseIdMissing")
            if lease and _id(sent) != lease["id"]:
                raise StorageError(412, "LeaseIdMismatchWithBlobOperation")
        elif sent:
            raise StorageError(412, "LeaseNotPresentWithBlobOperation" if state == "available" else "LeaseLost")

    def check_read(self, lease: Lease | None, sent: str | None) -> None:
        """412 for a read that names a lease which the blob does not have."""
        if sent:
            self.check_write(lease, sent)

    def _acquire(self, lease: Lease | None, headers: Mapping[str, str]) -> tuple[int, Lease, dict[str, str]]:
        seconds = _whole(headers.get("x-ms-lease-duration", ""))
        if seconds != INFINITE and not SHORTEST <= seconds <= LONGEST:
            raise StorageError(400, "InvalidHeaderValue")
        proposed = _id(headers.get("x-ms-proposed-lease-id") or str(uuid.uuid4()))
        state = self.state(lease)
        mine = lease is not None and lease["id"] == proposed
        if state == "breaking" and mine:
            raise StorageError(409, "LeaseIsBreakingAndCannotBeAcquired")
        if state == "breaking" or (state == "leased" and not mine):
            raise StorageError(409, "LeaseAlreadyPresent")
        return 201, self._begun(proposed, seconds), {"x-ms-lease-id": proposed}

    def _renew(self, lease: Lease | None, headers: Mapping[str, str]) -> tuple[int, Lease, dict[str, str]]:
        kept = _named(lease, headers)
        if kept["breaks"] is not None:
            raise StorageError(409, "LeaseIsBrokenAndCannotBeRenewed")
        return 200, self._begun(kept["id"], kept["seconds"]), {"x-ms-lease-id": kept["id"]}

    def _change(self, lease: Lease | None, headers: Mapping[str, str]) -> tuple[int, Lease, dict[str, str]]:
        state, proposed = self.state(lease), _id(headers.get("x-ms-proposed-lease-id", ""))
        if lease is None or state in ("broken", "expired"):
            raise StorageError(409, "LeaseNotPresentWithLeaseOperation")
        if lease["id"] not in (_id(headers.get("x-ms-lease-id", "")), proposed):
            raise StorageError(409, "LeaseIdMismatchWithLeaseOperation")
        if state == "breaking":
            raise StorageError(409, "LeaseIsBreakingAndCannotBeChanged")
        return 200, {**lease, "id": proposed}, {"x-ms-lease-id": proposed}

    def _release(self, lease: Lease | None, headers: Mapping[str, str]) -> tuple[int, None, dict[str, str]]:
        _named(lease, headers)
        return 200, None, {}

    def _break(self, lease: Lease | None, headers: Mapping[str, str]) -> tuple[int, Lease, dict[str, str]]:
        if lease is None:
            raise StorageError(409, "LeaseNotPresentWithLeaseOperation")
        now, sent = self._now(), headers.get("x-ms-lease-break-period")
        ends = lease["breaks"] if lease["breaks"] is not None else lease["until"]
        left = max(0.0, ends - now)
        if lease["seconds"] == INFINITE and lease["breaks"] is None:
            left = float(LONGEST) if sent else 0.0
        if sent is not None:
            period = _whole(sent)
            if not 0 <= period <= LONGEST:
                raise StorageError(400, "InvalidHeaderValue")
            left = min(left, period)
        return 202, {**lease, "breaks": now + left}, {"x-ms-lease-time": str(math.ceil(left))}

    def _begun(self, id: str, seconds: int) -> Lease:
        return {"id": id, "seconds": seconds, "until": self._now() + seconds, "breaks": None}


def _named(lease: Lease | None, headers: Mapping[str, str]) -> Lease:
    """The lease, if its id was sent; else 409."""
    if lease is None or _id(headers.get("x-ms-lease-id", "")) != lease["id"]:
        raise StorageError(409, "LeaseIdMismatchWithLeaseOperation")
    return lease


def _id(sent: str) -> str:
    """A lease's id in one spelling; 400 unless it is a GUID."""
    try:
        return str(uuid.UUID(sent))
    except ValueError:
        raise StorageError(400, "InvalidHeaderValue") from None


def _whole(sent: str) -> int:
    try:
        return int(sent)
    except ValueError:
        raise StorageError(400, "InvalidHeaderValue") from None
