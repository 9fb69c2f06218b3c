"""Where a stack goes: Azure, or the emulator on this machine."""

from collections.abc import MutableMapping
from dataclasses import dataclass

from infra.clock import Clock
from infra.spec import StackSpec


@dataclass(frozen=True)
class Target:
    """The endpoints and the clock everything runs against; `local` says whether it is the emulator."""

    local: bool
    resource_manager: str
    hub: str
    portal: str
    clock: Clock


def open_target(spec: StackSpec | None, *, local: bool, environ: MutableMapping[str, str]) -> Target:
    """Azure's endpoints, or with `local` the emulator's: started if none runs, with the spec's workspace in it."""
    raise NotImplementedError
