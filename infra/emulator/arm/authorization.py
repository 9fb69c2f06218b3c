"""Role definitions and role assignments, at any scope."""

import re
import uuid

from infra.emulator.arm.call import Call, Routes, now
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.identity.authorization import PROVIDER, Assignment, assignment_document, role_guid
from infra.emulator.identity.roles import BUILT_IN, BuiltInRole, Permissions
from infra.emulator.state.store import Document, key_of

FILTER = re.compile(
    r"(?P<name>principalId|roleName|type|assignedTo\()\s*(?:eq\s*)?'(?P<value>[^']*)'\)?", re.IGNORECASE
)


def put_assignment(call: Call) -> Reply:
    """Assign a role."""
    sent = call.object_body().get("properties") or {}
    principal_id, role_id = sent.get("principalId"), sent.get("roleDefinitionId")
    if not isinstance(principal_id, str) or not isinstance(role_id, str) or not principal_id or not role_id:
        raise ServiceError(
            400, "InvalidCreateRoleAssignmentRequest", "The request needs a principalId and a roleDefinitionId."
        )
    if not _is_guid(call.name):
        raise ServiceError(400, "InvalidRoleAssignmentId", f"The role assignment ID '{call.name}' is not valid.")
    role = role_guid(role_id)
    if role not in BUILT_IN and _custom(call, role) is None:
        raise ServiceError(
            400, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist."
        )
    known = call.world.directory.get(principal_id)
    if known is None and not sent.get("principalType"):
        raise ServiceError(
            400,
            "PrincipalNotFound",
            f"Principal {principal_id.replace('-', '')} does not exist in the directory {call.world.tokens.tenant_id}. "
            "Check that you have the correct principal ID. If you are creating this principal and then immediately "
            "assigning a role, this error might be related to a replication delay. In this case, set the role "
            "assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See "
            "https://aka.ms/docs-principaltype",
        )
    existing = call.world.store.get(call.id)
    same = (principal_id.lower(), role, key_of(call.address.scope))
    if existing:
        if _content(existing) != same:
            raise ServiceError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        return Reply(200, existing)
    for other in call.world.store.of_type("roleAssignments"):
        if _content(other) == same:
            raise ServiceError(
                409,
                "RoleAssignmentExists",
                "The role assignment already exists. The ID of the existing role assignment is "
                f"{other['name'].replace('-', '')}.",
            )
    kind = sent.get("principalType") or (known.kind if known else "ServicePrincipal")
    assignment = Assignment(call.address.scope, role, principal_id, kind)
    document = assignment_document(call.id, assignment, call.principal.object_id)
    document["properties"] |= {name: sent[name] for name in ("description",) if sent.get(name)}
    call.world.store.put(call.id, document)
    call.world.authorization.invalidate()
    return Reply(201, document)


def get_assignment(call: Call) -> Reply:
    """One role assignment."""
    return Reply(body=call.resource())


def delete_assignment(call: Call) -> Reply:
    """Take a role away."""
    document = call.world.store.get(call.id)
    if document is None:
        return Reply(204)
    call.world.authorization.revoke(call.id)
    return Reply(200, document)


def list_assignments(call: Call) -> Reply:
    """The role assignments at this scope, above it and below it."""
    scope = key_of(call.address.scope)
    wanted = call.query.get("$filter", "")
    found = []
    for document in call.world.store.of_type("roleAssignments"):
        at = key_of(document["properties"]["scope"])
        above = at == scope or scope.startswith(f"{at}/")
        if above or (at.startswith(f"{scope}/") and "atscope()" not in wanted.lower()):
            found.append(document)
    for match in FILTER.finditer(wanted):
        if match["name"].lower() in ("principalid", "assignedto("):
            found = [item for item in found if item["properties"]["principalId"].lower() == match["value"].lower()]
    return Reply(body={"value": found})


def list_permissions(call: Call) -> Reply:
    """What the caller may do at this scope."""
    held = call.world.authorization.permissions(call.principal.object_id, call.address.scope)
    return Reply(body={"value": [_written(permissions) for permissions in held]})


def list_definitions(call: Call) -> Reply:
    """The roles that can be assigned at this scope."""
    scope = key_of(call.address.scope)
    custom = [
        item
        for item in call.world.store.of_type("roleDefinitions")
        if any(_covers(key_of(place), scope) for place in item["properties"]["assignableScopes"])
    ]
    found = [*(_built_in(call, role) for role in BUILT_IN.values()), *custom]
    for match in FILTER.finditer(call.query.get("$filter", "")):
        field = {"rolename": "roleName", "type": "type"}.get(match["name"].lower())
        if field:
            found = [item for item in found if item["properties"][field].lower() == match["value"].lower()]
    return Reply(body={"value": found})


def get_definition(call: Call) -> Reply:
    """One role."""
    built_in = BUILT_IN.get(call.name.lower())
    if built_in:
        return Reply(body=_built_in(call, built_in))
    document = _custom(call, call.name)
    if document is None:
        raise ServiceError(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{call.name}' does not exist."
        )
    return Reply(body=document)


def put_definition(call: Call) -> Reply:
    """Create or replace a custom role."""
    sent = call.object_body().get("properties") or {}
    if call.name.lower() in BUILT_IN:
        raise ServiceError(403, "RoleDefinitionUpdateNotAllowed", "A built-in role cannot be changed.")
    if not _is_guid(call.name):
        raise ServiceError(400, "InvalidRoleDefinitionId", f"The role definition ID '{call.name}' is not valid.")
    if not sent.get("roleName") or not isinstance(sent.get("permissions"), list):
        raise ServiceError(400, "RoleDefinitionNameNullOrEmpty", "A role definition needs a roleName and permissions.")
    scopes = sent.get("assignableScopes") or [call.address.scope]
    existing = call.world.store.get(call.id)
    now_, by = now(), call.principal.object_id
    properties = {
        "roleName": sent["roleName"],
        "type": "CustomRole",
        "description": sent.get("description") or "",
        "assignableScopes": scopes,
        "permissions": [
            {key: block.get(key) or [] for key in ("actions", "notActions", "dataActions", "notDataActions")}
            for block in sent["permissions"]
        ],
        "createdOn": existing["properties"]["createdOn"] if existing else now_,
        "createdBy": existing["properties"]["createdBy"] if existing else by,
        "updatedOn": now_,
        "updatedBy": by,
    }
    document: Document = {
        "id": call.id,
        "name": call.name,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": properties,
    }
    call.world.store.put(call.id, document)
    call.world.authorization.invalidate()
    return Reply(201, document)


def delete_definition(call: Call) -> Reply:
    """Remove a custom role that is not assigned."""
    document = _custom(call, call.name)
    if document is None:
        return Reply(204)
    held = (role_guid(item["properties"]["roleDefinitionId"]) for item in call.world.store.of_type("roleAssignments"))
    if call.name.lower() in held:
        raise ServiceError(
            400,
            "RoleDefinitionHasAssignments",
            f"There are existing role assignments referencing role (code: {call.name.replace('-', '')}).",
        )
    call.world.store.delete(document["id"])
    call.world.authorization.invalidate()
    return Reply(200, document)


def _custom(call: Call, guid: str) -> Document | None:
    definitions = call.world.store.of_type("roleDefinitions")
    return next((item for item in definitions if item["name"].lower() == guid.lower()), None)


def _built_in(call: Call, role: BuiltInRole) -> Document:
    prefix = f"/subscriptions/{call.subscription}" if call.subscription else ""
    return {
        "id": f"{prefix}{PROVIDER}/roleDefinitions/{role.guid}",
        "name": role.guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [_written(role.permissions)],
        },
    }


def _written(permissions: Permissions) -> Document:
    return {
        "actions": list(permissions.actions),
        "notActions": list(permissions.not_actions),
        "dataActions": list(permissions.data_actions),
        "notDataActions": list(permissions.not_data_actions),
    }


def _content(assignment: Document) -> tuple[str, str, str]:
    properties = assignment["properties"]
    role = role_guid(properties["roleDefinitionId"])
    return properties["principalId"].lower(), role, key_of(properties["scope"])


def _covers(place: str, scope: str) -> bool:
    return scope == place or scope.startswith(f"{place}/")


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


ROUTES: Routes = {
    ("GET", "permissions"): list_permissions,
    ("GET", "roleAssignments"): list_assignments,
    ("GET", "roleAssignments/{}"): get_assignment,
    ("PUT", "roleAssignments/{}"): put_assignment,
    ("DELETE", "roleAssignments/{}"): delete_assignment,
    ("GET", "roleDefinitions"): list_definitions,
    ("GET", "roleDefinitions/{}"): get_definition,
    ("PUT", "roleDefinitions/{}"): put_definition,
    ("DELETE", "roleDefinitions/{}"): delete_definition,
}
