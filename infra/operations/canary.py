"""Moves requests to the spec's deployment in steps, as `rollout` in the spec says."""

import math
from collections.abc import Callable

from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.clock import Clock
from infra.operations.connect import connection_info, served_name
from infra.operations.rollout.sides import READ_SECONDS, Way
from infra.operations.rollout.steps import Moving, move_in_steps
from infra.operations.smoke import ask
from infra.planning.prepare import Prepared
from infra.resources.canary.shares import Shares
from infra.resources.deployment import Deployment

KEY_SECONDS = 600.0  # a token for an endpoint is valid for an hour, and a rollout may take longer


def in_steps(prepared: Prepared, target: Target, cloud: Cloud) -> None:
    """Move the requests; raises what `move_in_steps` raises, and does nothing for a plan without steps."""
    rollout, spec = prepared.rollout, prepared.spec
    if not rollout.stable or spec.rollout is None:
        return
    info = connection_info(cloud, spec, target.entra_token, deployment=rollout.current)
    found = prepared.observed.deployments
    models = {name: served_name(live) or spec.model.name for name, live in found.items()}
    models[rollout.current] = spec.model.name

    def ask_otherwise(name: str) -> object:
        one = replace(info, api_key=key(), model=models[name], deployment=name)
        return ask(one, clock=cloud.clock, timeouts=replace(target.arm.timeouts, operation=READ_SECONDS))

    key = _Renewed(lambda: connection_info(cloud, spec, target.entra_token).api_key, info.api_key, cloud.clock)
    counts = {name: int(live.state.get("instance_count") or 1) for name, live in found.items()}
    wanted = next(int(one.desired["instance_count"]) for one in prepared.resources if isinstance(one, Deployment))
    counts[rollout.current] = max(wanted, counts.get(rollout.current, 1))
    shares = Shares(rollout.current, rollout.stable, rollout.leaving)
    moving = Moving(prepared.endpoint, shares, spec.rollout, rollout.print, counts)
    move_in_steps(cloud, moving, Way(info.base_url, key, models, ask_otherwise, key.forget))


class _Renewed:
    """The credential, read anew now and then, and once it is forgotten."""

    def __init__(self, read: Callable[[], str], first: str, clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._known, self._until = first, clock.now() + KEY_SECONDS

    def __call__(self) -> str:
        if self._clock.now() > self._until:
            self._known, self._until = self._read(), self._clock.now() + KEY_SECONDS
        return self._known

    def forget(self) -> None:
        """Read it anew the next time."""
        self._until = -math.inf
