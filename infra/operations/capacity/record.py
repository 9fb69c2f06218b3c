"""What was asked last of a stack's deployments, so that `wake` can make them again: Azure's own documents of them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert, to_builtins

from infra.azure.autoscale import autoscale_settings, of_endpoint, settings_id
from infra.azure.cloud import Cloud
from infra.azure.storage.records import damaged
from infra.errors import NotFound, Refused
from infra.redaction import looks_secret
from infra.resources.base import PREVIOUS_TAG, Live, owner_of
from infra.resources.deployment import live_deployment, settable
from infra.resources.scaling.parked import Parked, counted, recorded
from infra.resources.traffic import nonzero
from infra.spec.rules import VARIABLES_OF_OURS

VERSION = 1
READ_ONLY = ("type", "systemData", "etag")


class Record(Struct, frozen=True, omit_defaults=True):
    """The deployments and what belongs to them; `traffic` and `mirror` are shares in percent, those of others too."""

    version: int
    stack: str
    since: str
    deployments: tuple[dict[str, Any], ...]
    """`{"name", "location", "tags", "sku", "properties"}` of each, without what only Azure writes."""
    traffic: dict[str, int] = {}
    mirror: dict[str, int] = {}
    previous: str = ""
    """The deployment for `gatelift rollback`."""
    autoscale: tuple[dict[str, Any], ...] = ()
    """`{"id", "location", "tags", "properties"}` of each autoscale setting that targets one of them."""

    @property
    def lives(self) -> dict[str, Live]:
        """The deployments as they were, by name."""
        return {each["name"]: live_deployment(each, "") for each in self.deployments}

    @property
    def parked(self) -> Parked:
        """What the endpoint's tag says."""
        return Parked(self.since, instances_of(self.lives.values()))


def instances_of(deployments: Any) -> dict[str, int]:
    """How many instances of each type these deployments have."""
    return counted([(str(live.state["instance_type"]), int(live.state["instance_count"] or 0)) for live in deployments])


def make_record(cloud: Cloud, document: Mapping[str, Any], deployments: Mapping[str, Live]) -> Record:
    """The record of these deployments of an endpoint; raises `Refused` where it would have to hold a secret."""
    properties = document.get("properties", {})
    bodies = tuple(_body(deployments[name]) for name in sorted(deployments))
    for body in bodies:
        _check_secrets(body)
    return Record(
        VERSION,
        cloud.stack,
        cloud.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ"),
        bodies,
        nonzero(properties.get("traffic")),
        nonzero(properties.get("mirrorTraffic")),
        str((document.get("tags") or {}).get(PREVIOUS_TAG, "")),
        tuple(settings_of(cloud, str(document["name"]), deployments)),
    )


def save_record(cloud: Cloud, endpoint: str, record: Record) -> None:
    """Keep the record in the workspace's own storage."""
    cloud.records.write(endpoint, to_builtins(record))


def load_record(cloud: Cloud, endpoint: str) -> Record:
    """The record of a parked endpoint; raises `NotFound` where it is gone or not to be read by this version.

    Raises `GateliftError` where it is damaged, and `NotFound` where it is another stack's, whose tags it has.
    """
    found = cloud.records.read(endpoint)
    hint = "`gatelift up` makes the deployment again from the spec"
    if found is None:
        message = f"the record of what ran on {endpoint} is gone from the workspace's storage"
        raise NotFound(message, hint=hint, code="record_missing")
    if found.get("version") != VERSION:
        message = f"the record of what ran on {endpoint} has the version {found.get('version')}, and {VERSION} is known"
        raise NotFound(message, hint=f"use the gatelift that parked it; or {hint}", code="record_unknown")
    recorded(found, endpoint)
    try:
        record = convert(found, Record)
    except ValidationError as error:
        raise damaged(endpoint, f"cannot be read: {error}") from None
    if record.stack != cloud.stack:
        message = f"the record of what ran on {endpoint} is of the stack {record.stack}"
        raise NotFound(message, hint=hint, code="record_of_another")
    return record


def settings_of(cloud: Cloud, endpoint: str, deployments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stack's autoscale settings that target one of these deployments, as they can be written again.

    Those of others stay where they are, and work again once the deployment is there. None where Azure Monitor is not
    registered, or where the caller may not read them, which is told.
    """
    found = autoscale_settings(cloud)
    if found is None:
        cloud.reporter.note("autoscale settings cannot be read: one that targets a deployment would stay without it")
    return [
        {
            **{name: value for name, value in setting.items() if name not in READ_ONLY},
            "id": settings_id(cloud.workspace, str(setting["name"])),
        }
        for name, setting in of_endpoint(found or [], endpoint).items()
        if name in {each.lower() for each in deployments} and owner_of(setting.get("tags")) == cloud.stack
    ]


def _body(live: Live) -> dict[str, Any]:
    document = live.document
    sku = document.get("sku") or {}
    return {
        "name": document["name"],
        "location": document.get("location"),
        "tags": dict(document.get("tags") or {}),
        "sku": {"name": sku.get("name") or "Default", "capacity": sku.get("capacity")},
        "properties": settable(live),
    }


def _check_secrets(body: Mapping[str, Any]) -> None:
    """Raise `Refused` where a variable or a tag looks like a secret: it would lie in one more place."""
    places = {"environment variable": body["properties"].get("environmentVariables") or {}, "tag": body["tags"]}
    for what, values in places.items():
        for name, value in values.items():
            if name not in VARIABLES_OF_OURS and looks_secret(str(name), value):  # the spec holds no secret
                message = (
                    f"the {what} {name} of {body['name']} looks like a secret, which would have to be written down"
                )
                hint = (
                    "put it into a connection or a key vault and refer to it, such as "
                    "`${{keyvault:https://VAULT.vault.azure.net/secrets/NAME}}`; then nothing secret is kept"
                )
                raise Refused(message, hint=hint, code="secret_in_deployment")
