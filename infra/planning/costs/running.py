"""What runs costs, and about what it has cost since each deployment was made."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.azure.prices.prices import Prices
from infra.planning.costs.basis import Basis, added, basis_of, month, rounded
from infra.resources.base import Live

HOW = "list price x instances now x hours since Azure made the deployment: an estimate, not a bill"


def running_cost(lives: Collection[Live], prices: Prices, region: str, now: datetime) -> dict[str, Any]:
    """What these deployments cost.

    Returns `{"currency", "region", "source", "as_of", "note", "hour", "month", "so_far", "how", "deployments":
    [{"name", "instances", "hour", "month", "since", "hours", "so_far"}]}`; what nobody knows is None. `since` is
    Azure's stamp `createdAt`; how many instances there were in the meantime nobody has kept.
    """
    basis = basis_of(prices, region, types_of(lives))
    rows = [_row(live, basis, now) for live in sorted(lives, key=lambda live: str(live.state["name"]))]
    return {
        **basis.to_json(),
        **sums(rows),
        "so_far": rounded(added([row["so_far"] for row in rows])),
        "how": HOW,
        "deployments": rows,
    }


def types_of(lives: Iterable[Live]) -> set[str]:
    """The instance types of these deployments."""
    return {str(live.state.get("instance_type") or "") for live in lives}


def sums(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """What all of them cost in an hour and in a month."""
    hour = added([row["hour"] for row in rows])
    return {"hour": rounded(hour), "month": rounded(month(hour))}


def hourly_cost(lives: Iterable[Live], basis: Basis) -> dict[str, float | None]:
    """What these deployments cost in an hour and in a month."""
    hour = added([basis.hour(str(live.state.get("instance_type")), _count(live)) for live in lives])
    return {"hour": rounded(hour), "month": rounded(month(hour))}


def _row(live: Live, basis: Basis, now: datetime) -> dict[str, Any]:
    hour = basis.hour(str(live.state.get("instance_type")), _count(live))
    since = _created(live)
    hours = None if since is None else max(0.0, (now - since).total_seconds() / 3600)
    so_far = None if hour is None or hours is None else hour * hours
    return {
        "name": live.state["name"],
        "instances": _count(live),
        "hour": rounded(hour),
        "month": rounded(month(hour)),
        "since": None if since is None else f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "hours": None if hours is None else round(hours, 2),
        "so_far": None if so_far is None else round(so_far, 2),
    }


def _created(live: Live) -> datetime | None:
    written = (live.document.get("systemData") or {}).get("createdAt")
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _count(live: Live) -> int:
    return int(live.state.get("instance_count") or 0)
