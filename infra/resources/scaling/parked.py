"""The tag of an endpoint whose deployments are parked: since when, and which instances cost nothing meanwhile.

The tag tells every command what it must know without a request more; what `gatelift wake` makes again is in a record
beside the locks (`infra.azure.storage.records`), since a deployment's document is longer than a tag may be.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct, field

from infra.azure.cloud import Cloud
from infra.azure.storage.records import DAMAGED, damaged
from infra.errors import GateliftError, NotReady
from infra.resources.base import PARKED_TAG, Live
from infra.resources.deployment import live_deployment
from infra.resources.traffic import rewrite

LONGEST = 256  # characters of a tag's value, by Azure's limits
WOKE_TAG = "gatelift_wake_seconds"  # on the endpoint: how long the last wake took until its deployments answered
SOME = re.compile(r"(\d+) (\w+)")
NONE_ANSWERS = "none of its deployments answers"
BACK = "`gatelift wake` brings back what ran"


class Parked(Struct, frozen=True):
    """Since when a stack is parked (UTC, as Azure writes times), and how many instances of each type ran before."""

    since: str
    instances: Mapping[str, int] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The value of the tag; without instance types that no longer fit into it."""
        value = self.since
        for name, count in self.instances.items():
            more = f"{value} {count} {name}"
            value = more if len(more) <= LONGEST else value
        return value

    @property
    def words(self) -> str:
        """Since when, for a sentence."""
        return f"parked since {self.since[:16].replace('T', ' ')} UTC"


def parked_error(stack: str, parked: Parked) -> NotReady:
    """The error of what needs a running deployment of a parked stack."""
    return NotReady(f"the stack {stack} is {parked.words}: {NONE_ANSWERS}", hint=BACK, code="parked")


def meanwhile(others: Collection[str]) -> str:
    """Who answers while a stack is parked: deployments of others that get requests, or nobody."""
    return f"the requests go to {', '.join(sorted(others))}" if others else "the endpoint answers 404"


def parked_in(document: Mapping[str, Any] | None) -> Parked | None:
    """What an endpoint's document says of being parked; None where it is not."""
    value = str(((document or {}).get("tags") or {}).get(PARKED_TAG) or "")
    return read_tag(value) if value else None


def read_tag(value: str) -> Parked:
    """What the value of the tag says."""
    since, _, rest = value.partition(" ")
    return Parked(since, {name: int(count) for count, name in SOME.findall(rest)})


def parked_deployments(cloud: Cloud, document: Mapping[str, Any]) -> list[Live]:
    """The deployments that a wake would make again on an endpoint, as they were.

    None where it is not parked, or where the record is gone or damaged: then nobody can wake it.
    """
    if not parked_in(document):
        return []
    endpoint = str(document["name"])
    try:
        record = cloud.records.read(endpoint)
        return recorded(record, endpoint) if record else []
    except GateliftError as error:
        if error.code != DAMAGED:
            raise
        return []


def recorded(record: Mapping[str, Any], endpoint: str) -> list[Live]:
    """The deployments of an endpoint's record; raises what `damaged` makes for what are none."""
    bodies = record.get("deployments")
    if not isinstance(bodies, list) or not all(map(_is_deployment, bodies)):
        raise damaged(endpoint, "does not say which deployments ran")
    return [live_deployment(each, endpoint) for each in bodies]


def _is_deployment(body: Any) -> bool:
    match body:
        case {"name": str(), "sku": {"capacity": int()}, "properties": {"instanceType": str()}}:
            return True
    return False


def counted(instances: list[tuple[str, int]]) -> dict[str, int]:
    """How many instances there are of each type, from pairs of a type and a count."""
    found: Counter[str] = Counter()
    for name, count in instances:
        found[name] += count
    return dict(sorted(found.items()))


def last_wake(document: Mapping[str, Any] | None) -> float | None:
    """How many seconds the last wake took; None where nobody has measured one."""
    value = str(((document or {}).get("tags") or {}).get(WOKE_TAG) or "")
    return float(value) if value.isdecimal() else None


def forget_parked(cloud: Cloud, endpoint: str) -> None:
    """Take the tag from the endpoint and delete the record: the stack is no longer parked."""

    def decide(document: Mapping[str, Any], _: bool) -> dict[str, Any] | None:
        tags = dict(document.get("tags") or {})
        return {"tags": tags} if tags.pop(PARKED_TAG, None) is not None else None

    rewrite(cloud, endpoint, decide)
    cloud.records.delete(endpoint)
