"""Evaluates role assignments as Azure does, scope by scope."""

import fnmatch
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from infra.emulator.identity.roles import BUILT_IN, Permissions
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store, key_of

PROVIDER = "/providers/Microsoft.Authorization"


@dataclass(frozen=True)
class Grant:
    """A role assignment as it is evaluated: scope in lower case, GUID of the role, time of creation."""

    scope: str
    role: str
    since: float


@dataclass(frozen=True)
class Assignment:
    """A role for a principal of some `kind` (as in `principalType`) at a scope."""

    scope: str
    role: str
    object_id: str
    kind: str = "ServicePrincipal"


class Authorization:
    """Evaluates the assignments and definitions in the store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._grants: dict[str, list[Grant]] | None = None
        self._custom: dict[str, Permissions] = {}

    def allowed(self, object_id: str, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether a role of this principal, at the scope or above it, includes the action."""
        if self._grants is None:
            self._load()
        scope = key_of(scope)
        effective_since = time.time() - self._settings["role_propagation_seconds"]
        return any(
            grant.since <= effective_since
            and (grant.scope == scope or scope.startswith(f"{grant.scope}/"))
            and includes(self._permissions(grant.role), action, data=data)
            for grant in (self._grants or {}).get(object_id.lower(), ())
        )

    def permissions(self, object_id: str, scope: str) -> list[Permissions]:
        """The permissions of each role that this principal has at the scope or above it."""
        if self._grants is None:
            self._load()
        scope = key_of(scope)
        held = (self._grants or {}).get(object_id.lower(), ())
        reaching = [grant for grant in held if grant.scope == scope or scope.startswith(f"{grant.scope}/")]
        return [self._permissions(grant.role) for grant in reaching]

    def assign(self, object_id: str, role: str, scope: str, *, by: str = "", at: str = "") -> str:
        """Assign a role as the platform itself does; returns the id of the assignment, the same when repeated."""
        scope = scope.rstrip("/")
        # The name is derived from the assignment, so that repeating it finds the first one.
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key_of(scope)}|{role}|{object_id.lower()}"))
        id = f"{scope}{PROVIDER}/roleAssignments/{name}"
        if self._store.get(id) is None:
            document = assignment_document(id, Assignment(scope, role, object_id), by)
            if at:
                document["properties"] |= {"createdOn": at, "updatedOn": at}
            self._store.put(id, document)
            if self._grants is not None:  # reloading thousands for each new one would be slow
                _add(self._grants, document)
        return id

    def revoke(self, id: str) -> bool:
        """Remove a role assignment; False where there was none."""
        removed = self._store.delete(id)
        self.invalidate()
        return removed

    def invalidate(self) -> None:
        """Reload assignments and definitions from the store at the next check."""
        self._grants = None

    def _load(self) -> None:
        self._custom = {
            document["name"].lower(): permissions_of(document) for document in self._store.of_type("roleDefinitions")
        }
        grants: dict[str, list[Grant]] = {}
        for document in self._store.of_type("roleAssignments"):
            _add(grants, document)
        self._grants = grants

    def _permissions(self, role: str) -> Permissions:
        built_in = BUILT_IN.get(role)
        return built_in.permissions if built_in else self._custom.get(role, Permissions())


def _add(grants: dict[str, list[Grant]], assignment: dict[str, Any]) -> None:
    properties = assignment["properties"]
    since = datetime.fromisoformat(properties["createdOn"]).timestamp()
    grant = Grant(key_of(properties["scope"]), role_guid(properties["roleDefinitionId"]), since)
    grants.setdefault(properties["principalId"].lower(), []).append(grant)


def includes(permissions: Permissions, action: str, *, data: bool = False) -> bool:
    """Whether these permissions allow the action: matched by a granted pattern and by no excluded one."""
    granted = permissions.data_actions if data else permissions.actions
    withheld = permissions.not_data_actions if data else permissions.not_actions
    return _matches(granted, action.lower()) and not _matches(withheld, action.lower())


@lru_cache(maxsize=4096)
def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(re.fullmatch(fnmatch.translate(pattern.lower()), action) for pattern in patterns)


def permissions_of(definition: dict[str, Any]) -> Permissions:
    """The permissions of a custom role definition's document."""
    blocks = definition["properties"].get("permissions") or []

    def gather(key: str) -> tuple[str, ...]:
        return tuple(pattern for block in blocks for pattern in block.get(key) or ())

    return Permissions(gather("actions"), gather("notActions"), gather("dataActions"), gather("notDataActions"))


def role_guid(role_definition_id: str) -> str:
    """The last segment of a role definition's id, lower case."""
    return role_definition_id.rstrip("/").rpartition("/")[2].lower()


def assignment_document(id: str, assignment: Assignment, by: str) -> dict[str, Any]:
    """A role assignment as GET returns it."""
    now = datetime.now(UTC).isoformat()
    parts = assignment.scope.split("/")
    definition = f"{PROVIDER}/roleDefinitions/{assignment.role}"
    if len(parts) > 2:
        definition = f"/subscriptions/{parts[2]}{definition}"
    return {
        "id": id,
        "name": id.rpartition("/")[2],
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": definition,
            "principalId": assignment.object_id,
            "principalType": assignment.kind,
            "scope": assignment.scope or "/",
            "createdOn": now,
            "updatedOn": now,
            "createdBy": by,
            "updatedBy": by,
        },
    }
