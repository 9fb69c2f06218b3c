"""Secret references in environment variables, resolved with the rights of the endpoint's identity.

`${{azureml://connections/C}}` is the connection as ListSecrets gives it, `…/C/credentials/K`, `…/C/metadata/K` and
`…/C/target` one value of it, `${{keyvault:https://V.vault.azure.net/secrets/S/VERSION}}` a Key Vault secret.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.emulator.errors import DeploymentFailed
from infra.emulator.key_vault import find_vault, may, secret_value
from infra.emulator.world import World

PROVIDER = "Microsoft.MachineLearningServices/workspaces"
VAULT_SUFFIX = ".vault.azure.net"
READ_ACTIONS = (f"{PROVIDER}/connections/listsecrets/action", f"{PROVIDER}/metadata/secrets/read")
REFUSAL = (
    "Failed to retrieve and inject workspace connection secrets. Please verify that the endpoint identity has been "
    "granted the Workspace Connection Secrets Reader role or any custom roles with actions "
    f"{READ_ACTIONS[0]} & {READ_ACTIONS[1]} and ensure that the secret reference schema in the environment variables "
    "is accurate."
)
ANY_REFERENCE = re.compile(r"\$\{\{\s*(?:azureml:|keyvault:)")
WHOLE_VALUE = re.compile(r"\$\{\{\s*(?P<reference>\S+)\s*\}\}")
CONNECTION = re.compile(r"azureml://connections/(?P<connection>[^/]+)(?:/(?P<part>[^/]+)(?:/(?P<key>[^/]+))?)?")
KEY_VAULT = re.compile(r"keyvault:https://(?P<vault>[^/]+)/secrets/(?P<secret>[^/]+)/(?P<version>[^/]+)")


@dataclass(frozen=True)
class ResolvedEnvironment:
    """The variables of a container, and those of their values that are secret."""

    variables: Mapping[str, str]
    secrets: frozenset[str]


class _Unresolved(Exception):
    """The reason why a reference has no value."""


def resolve_environment(world: World, endpoint_id: str, variables: Mapping[str, str]) -> ResolvedEnvironment:
    """Fill in every reference; `SecretsInjectionError` names the variable and the reason of the first failure."""
    resolved: dict[str, str] = {}
    secrets: set[str] = set()
    for name, value in variables.items():
        resolved[name] = str(value)
        if not ANY_REFERENCE.search(resolved[name]):
            continue
        try:
            resolved[name], hidden = _resolve(world, endpoint_id, resolved[name])
        except _Unresolved as reason:
            message = f"{REFUSAL} Environment variable '{name}': {reason}"
            raise DeploymentFailed("SecretsInjectionError", message) from None
        secrets.update(hidden)
    return ResolvedEnvironment(resolved, frozenset(secrets))


def identities_of(world: World, endpoint_id: str) -> list[str]:
    """The object ids of the identities of an endpoint."""
    identity = (world.store.get(endpoint_id) or {}).get("identity") or {}
    assigned = (identity.get("userAssignedIdentities") or {}).values()
    principals = [identity.get("principalId"), *(entry.get("principalId") for entry in assigned)]
    return [str(principal) for principal in principals if principal]


def _resolve(world: World, endpoint_id: str, value: str) -> tuple[str, list[str]]:
    """The value of a reference, and the secrets in it."""
    whole = WHOLE_VALUE.fullmatch(value.strip())
    if whole is None:
        raise _Unresolved(f"a secret reference has to be the whole value, got {value!r}")
    reference = whole["reference"]
    if match := CONNECTION.fullmatch(reference):
        return _from_connection(world, endpoint_id, match["connection"], match["part"], match["key"])
    if match := KEY_VAULT.fullmatch(reference):
        return _from_vault(world, endpoint_id, match["vault"], match["secret"], match["version"])
    raise _Unresolved(
        f"malformed secret reference {value!r}; expected ${{{{azureml://connections/NAME/credentials/KEY}}}} "
        "or ${{keyvault:https://VAULT.vault.azure.net/secrets/NAME/VERSION}}"
    )


def _from_connection(
    world: World, endpoint_id: str, name: str, part: str | None, key: str | None
) -> tuple[str, list[str]]:
    workspace_id = endpoint_id.rsplit("/", 2)[0]
    _check_rights(world, endpoint_id, workspace_id)
    connection_id = f"{workspace_id}/connections/{name}"
    connection = world.store.get(connection_id)
    if connection is None:
        raise _Unresolved(f"the workspace has no connection '{name}'")
    properties = connection.get("properties", {})
    credentials = world.store.secrets(connection_id) or {}
    if part is None:
        whole = {**connection, "properties": {**properties, "credentials": credentials}}
        return json.dumps(whole), list(_strings(credentials))
    if part == "target" and key is None:
        return str(properties.get("target") or ""), []
    values = {"credentials": credentials.get("keys", credentials), "metadata": properties.get("metadata") or {}}
    if part not in values or key is None:
        raise _Unresolved(f"'{part}{f'/{key}' if key else ''}' is not part of a connection; expected credentials/KEY")
    if key not in values[part]:
        known = ", ".join(sorted(values[part])) or "none"
        raise _Unresolved(f"connection '{name}' has no '{part}/{key}'; there: {known}")
    value = str(values[part][key])
    return value, [value] if part == "credentials" else []


def _from_vault(world: World, endpoint_id: str, host: str, name: str, version: str) -> tuple[str, list[str]]:
    vault = find_vault(world.store, host.removesuffix(VAULT_SUFFIX)) if host.endswith(VAULT_SUFFIX) else None
    known = identities_of(world, endpoint_id)
    # As on Azure, a caller without permission does not learn whether the vault exists.
    if vault is None or not any(may(world.authorization, principal, "getSecret", vault, name) for principal in known):
        who = " and ".join(known) or "none"
        raise _Unresolved(f"there is no key vault '{host}' that the endpoint identity (object id {who}) can read")
    value = secret_value(world.store, vault, name, version)
    if value is None:
        raise _Unresolved(f"key vault '{host}' has no secret '{name}' with the version '{version}'")
    return value, [value]


def _check_rights(world: World, endpoint_id: str, workspace_id: str) -> None:
    known = identities_of(world, endpoint_id)
    for principal in known:
        if all(world.authorization.allowed(principal, action, workspace_id) for action in READ_ACTIONS):
            return
    who = " and ".join(known) or "none"
    raise _Unresolved(f"the endpoint identity (object id {who}) may not read the secrets of {workspace_id}")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value
