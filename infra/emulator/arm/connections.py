"""Workspace connections: their secrets are in no document, only in the answer of `listsecrets`."""

import re
from typing import Any

from infra.emulator.arm.call import Call, Routes, envelope, invalid, not_found
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document

CONNECTION_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
LIST_SECRETS = "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"
# authType -> the fields that its credentials may have; None: any (CustomKeys has them below `keys`).
CREDENTIALS: dict[str, frozenset[str] | None] = {
    "AAD": frozenset(),
    "AccessKey": frozenset({"accessKeyId", "secretAccessKey"}),
    "AccountKey": frozenset({"key"}),
    "ApiKey": frozenset({"key"}),
    "CustomKeys": frozenset({"keys"}),
    "ManagedIdentity": frozenset({"clientId", "resourceId"}),
    "None": frozenset(),
    "OAuth2": None,
    "PAT": frozenset({"pat"}),
    "SAS": frozenset({"sas"}),
    "ServicePrincipal": frozenset({"clientId", "clientSecret", "tenantId"}),
    "UsernamePassword": frozenset({"username", "password", "securityToken"}),
}


def get_connection(call: Call) -> Reply:
    """One connection, without its credentials."""
    return Reply(body=call.resource())


def list_connections(call: Call) -> Reply:
    """The connections of a workspace, optionally of one category or target."""
    found = call.world.store.children(call.id, "connections")
    for parameter in ("category", "target"):
        wanted = call.query.get(parameter)
        if wanted:
            found = [item for item in found if str(item["properties"].get(parameter)).lower() == wanted.lower()]
    return Reply(body={"value": found})


def put_connection(call: Call) -> Reply:
    """Create or replace a connection; nothing of a previous one is kept, not even its keys if none are sent."""
    if not CONNECTION_NAME.fullmatch(call.name):
        raise invalid(
            f"Connection name '{call.name}' is invalid. It must match the pattern ^{CONNECTION_NAME.pattern}$.",
            code="ValidationError",
        )
    sent = call.object_body().get("properties")
    if not isinstance(sent, dict):
        raise invalid("The properties field is required.", code="ValidationError", target="properties")
    credentials = _checked(sent)
    existing = call.world.store.get(call.id)
    properties = {
        "authType": sent["authType"],
        "category": sent["category"],
        "target": sent.get("target") or "",
        "isSharedToAll": sent.get("isSharedToAll", False),
        "sharedUserList": sent.get("sharedUserList") or [],
        "metadata": sent.get("metadata") or {},
        "group": "Generic" if sent["category"] in ("CustomKeys", "ApiKey", "Generic") else "ServicesAndApps",
    }
    if sent.get("expiryTime"):
        properties["expiryTime"] = sent["expiryTime"]
    document = envelope(call, existing) | {"properties": properties}
    with call.world.store.transaction():
        call.world.store.put(call.id, document)
        call.world.store.put_secrets(call.id, credentials)
    return Reply(body=document)


def delete_connection(call: Call) -> Reply:
    """Remove a connection and its secrets."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


def list_secrets(call: Call) -> Reply:
    """A connection with its credentials."""
    document = call.world.store.get(call.id)
    if document is None:
        raise not_found(call.id)
    secrets = call.world.store.secrets(call.id)
    return Reply(body=with_credentials(document, secrets))


def with_credentials(document: Document, secrets: Document | None) -> Document:
    """What `listsecrets` answers for a connection."""
    return document | {"properties": document["properties"] | ({"credentials": secrets} if secrets else {})}


def _checked(sent: Document) -> Document:
    auth_type = sent.get("authType")
    if auth_type not in CREDENTIALS:
        raise invalid(
            f"The authType '{auth_type}' is not supported. Supported values: {', '.join(CREDENTIALS)}.",
            code="ValidationError",
            target="properties.authType",
        )
    if not isinstance(sent.get("category"), str) or not sent["category"]:
        raise invalid("The category field is required.", code="ValidationError", target="properties.category")
    for name, type in (("metadata", dict), ("isSharedToAll", bool), ("sharedUserList", list), ("target", str)):
        if sent.get(name) is not None and not isinstance(sent[name], type):
            raise invalid(f"The field {name} has the wrong type.", code="ValidationError", target=f"properties.{name}")
    if any(not isinstance(value, str) for value in (sent.get("metadata") or {}).values()):
        raise invalid("Metadata values must be strings.", code="ValidationError", target="properties.metadata")
    credentials: Any = sent.get("credentials") or {}
    allowed = CREDENTIALS[auth_type]
    unknown = sorted(set(credentials) - allowed) if isinstance(credentials, dict) and allowed is not None else []
    keys = credentials.get("keys") if isinstance(credentials, dict) else None
    wrong_keys = (
        auth_type == "CustomKeys"
        and sent.get("credentials") is not None
        and (not isinstance(keys, dict) or not keys or any(not isinstance(value, str) for value in keys.values()))
    )
    if not isinstance(credentials, dict) or unknown or wrong_keys:
        raise invalid(
            f"The credentials do not fit the authType '{auth_type}'"
            + (f": unknown field {', '.join(unknown)}." if unknown else "."),
            code="ValidationError",
            target="properties.credentials",
        )
    return dict(credentials)


ROUTES: Routes = {
    ("GET", "workspaces/{}/connections"): list_connections,
    ("GET", "workspaces/{}/connections/{}"): get_connection,
    ("PUT", "workspaces/{}/connections/{}"): put_connection,
    ("DELETE", "workspaces/{}/connections/{}"): delete_connection,
    ("POST", "workspaces/{}/connections/{}/listsecrets"): list_secrets,
}
