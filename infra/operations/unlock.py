"""`unlock`: shows who holds the locks of a stack, and ends them."""

from typing import Any

from infra.azure.target import Target
from infra.spec.model import StackSpec


def find_locks(spec: StackSpec, target: Target) -> list[dict[str, Any]]:
    """The locks that somebody holds: the stack's, and that of what the workspace's stacks share.

    Each is `{"lock", "who", "where", "command", "since"}`; `since` is the storage service's time.
    """
    return _held(target, spec.name)


def unlock(target: Target, locks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """End these locks, except those that somebody else holds by now; returns the ones that were ended.

    The commands that hold them stop before their next step.
    """
    now = _held(target, target.cloud.stack)
    ended = [lock for lock in locks if lock in now]
    for lock in ended:
        target.cloud.locks.break_lock(lock["lock"])
    return ended


def _held(target: Target, stack: str) -> list[dict[str, Any]]:
    holders = target.cloud.locks.holders(stack)
    return [
        {"lock": name, "who": held.who, "where": held.where, "command": held.command, "since": held.since}
        for name, held in holders.items()
    ]
