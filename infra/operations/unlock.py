"""`unlock`: shows who holds the locks of a stack, and ends them."""

from typing import Any

from infra.azure.target import Target
from infra.spec.model import StackSpec


def find_locks(spec: StackSpec, target: Target) -> list[dict[str, Any]]:
    """The locks that somebody holds: the stack's, and that of what the workspace's stacks share.

    Each is `{"lock", "who", "where", "command", "since"}`; `since` is the storage service's time.
    """
    holders = target.cloud.locks.holders(spec.name)
    return [
        {"lock": name, "who": held.who, "where": held.where, "command": held.command, "since": held.since}
        for name, held in holders.items()
    ]


def unlock(target: Target, locks: list[dict[str, Any]]) -> None:
    """End these locks; the commands that hold them stop before their next step."""
    for lock in locks:
        target.cloud.locks.break_lock(lock["lock"])
