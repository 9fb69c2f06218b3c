"""What a plan's changes cost: an hour and a month, before and after, for each deployment and in total."""

from typing import Any

from msgspec import Struct

from infra.azure.prices.prices import Prices
from infra.planning.costs.basis import Basis, added, basis_of, month, rounded
from infra.planning.prepare import Prepared
from infra.resources.base import Live
from infra.resources.deployment import Deployment


class Running(Struct, frozen=True):
    """So many instances of a type, and what they cost an hour; None where nobody knows."""

    instance_type: str
    instances: int
    hour: float | None

    def to_json(self) -> dict[str, Any]:
        """As the document shows it."""
        return {"instance_type": self.instance_type, "instances": self.instances, "hour": rounded(self.hour)}


class Span(Struct, frozen=True):
    """Between how many instances autoscale decides, and what the fewest and the most cost an hour."""

    fewest: int
    most: int
    least_hour: float | None
    most_hour: float | None

    def to_json(self) -> dict[str, Any]:
        """As the document shows it."""
        hours = {"min_hour": rounded(self.least_hour), "max_hour": rounded(self.most_hour)}
        return {"min": self.fewest, "max": self.most, **hours}


class DeploymentCost(Struct, frozen=True):
    """One deployment of the stack; None where it does not run."""

    name: str
    before: Running | None
    after: Running | None
    autoscale: Span | None = None
    kept: bool = False
    """Whether it stays at 0 % for `gatelift rollback`."""

    def to_json(self) -> dict[str, Any]:
        """As the document shows it."""
        return {
            "name": self.name,
            "before": self.before and self.before.to_json(),
            "after": self.after and self.after.to_json(),
            "autoscale": self.autoscale and self.autoscale.to_json(),
            "kept": self.kept,
        }


class Cost(Struct, frozen=True):
    """What a plan costs, at list prices."""

    basis: Basis
    deployments: tuple[DeploymentCost, ...]
    beside: bool = False
    """Whether a replacement runs beside what it replaces for a while."""

    @property
    def before(self) -> float | None:
        """An hour of everything that runs now."""
        return added([each.before.hour for each in self.deployments if each.before])

    @property
    def after(self) -> float | None:
        """An hour of everything that will run."""
        return added([each.after.hour for each in self.deployments if each.after])

    @property
    def during(self) -> float | None:
        """An hour while old and new run beside each other."""
        return added([_dearer(each) for each in self.deployments])

    @property
    def span(self) -> tuple[float | None, float | None] | None:
        """An hour with the fewest and with the most instances; None without autoscale."""
        if not any(each.autoscale for each in self.deployments):
            return None
        ends = [_ends(each) for each in self.deployments if each.after]
        return added([least for least, _ in ends]), added([most for _, most in ends])

    @property
    def unknown(self) -> list[str]:
        """The instance types whose prices are not known."""
        sides = [side for each in self.deployments for side in (each.before, each.after) if side]
        return sorted({side.instance_type for side in sides if side.hour is None})

    def to_json(self) -> dict[str, Any]:
        """The document's `cost`."""
        span = self.span
        return {
            **self.basis.to_json(),
            "before": _amounts(self.before),
            "after": _amounts(self.after),
            "during": _amounts(self.during) if self.beside else None,
            "autoscale": span and {"min": _amounts(span[0]), "max": _amounts(span[1])},
            "deployments": [each.to_json() for each in self.deployments],
        }


def forecast(prepared: Prepared, prices: Prices) -> Cost:
    """What the plan costs. The prices were asked for while the plan was made; never raises for a lack of them."""
    if prepared.pricing:
        prepared.pricing.thread.join()
    rollout, observed = prepared.rollout, prepared.observed
    mine = {name: live for name, live in observed.deployments.items() if live.owner == prepared.desired.spec.name}
    deployment = next(resource for resource in prepared.resources if isinstance(resource, Deployment))
    current = rollout.current
    live = mine.get(current)
    wanted = deployment.settle(live) if live else deployment.desired
    types = {str(each.state["instance_type"]) for each in mine.values()} | {str(wanted["instance_type"])}
    basis = basis_of(prices, observed.location, types)

    def of(name: str) -> DeploymentCost:
        before = _running(basis, mine[name]) if name in mine else None
        if name == current:
            kind, count = str(wanted["instance_type"]), int(wanted["instance_count"])
            after = Running(kind, count, basis.hour(kind, count))
            return DeploymentCost(name, before, after, _span(prepared, basis, kind))
        gone = name in rollout.to_delete
        return DeploymentCost(name, before, None if gone else before, kept=name == rollout.kept)

    names = [current, *sorted(set(mine) - {current})]
    return Cost(basis, tuple(of(name) for name in names), beside=bool(rollout.replaces))


def _running(basis: Basis, live: Live) -> Running:
    kind, count = str(live.state["instance_type"]), int(live.state.get("instance_count") or 0)
    return Running(kind, count, basis.hour(kind, count))


def _span(prepared: Prepared, basis: Basis, kind: str) -> Span | None:
    """What the spec's `autoscale` allows."""
    scale = prepared.spec.deployment.autoscale
    if scale is None:
        return None
    return Span(scale.min, scale.max, basis.hour(kind, scale.min), basis.hour(kind, scale.max))


def _dearer(each: DeploymentCost) -> float | None:
    hours = [side.hour for side in (each.before, each.after) if side]
    known = [hour for hour in hours if hour is not None]
    return max(known) if known and len(known) == len(hours) else None


def _ends(each: DeploymentCost) -> tuple[float | None, float | None]:
    if each.autoscale:
        return each.autoscale.least_hour, each.autoscale.most_hour
    hour = each.after.hour if each.after else 0.0
    return hour, hour


def _amounts(hour: float | None) -> dict[str, float | None]:
    return {"hour": rounded(hour), "month": rounded(month(hour))}
