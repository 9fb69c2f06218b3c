"""What a parked stack does not cost."""

from collections.abc import Mapping
from typing import Any

from infra.azure.target import Target
from infra.planning.costs.basis import added, basis_of, month, rounded
from infra.planning.costs.money import an_hour


def saving(target: Target, region: str, instances: Mapping[str, int]) -> dict[str, Any] | None:
    """What so many instances of each type cost, as `gatelift down` tells what it saves; None for no instances."""
    if not instances:
        return None
    basis = basis_of(target.prices, region, set(instances))
    hour = added([basis.hour(name, count) for name, count in instances.items()])
    return {**basis.to_json(), "hour": rounded(hour), "month": rounded(month(hour))}


def saving_words(found: Mapping[str, Any] | None, *, local: bool) -> str:
    """What is saved, to follow a sentence; empty where nobody knows it."""
    if not found or found["hour"] is None:
        return ""
    amount = an_hour(found["hour"], found["currency"])
    return f", which would save {amount} on Azure" if local else f", saves {amount}"
