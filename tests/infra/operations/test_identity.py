"""An endpoint with a user-assigned identity, which may read the token through a role assignment by gatelift."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest
from azure.identity import ClientSecretCredential

from infra.azure.arm import Arm
from infra.azure.azure_clouds import PUBLIC
from infra.errors import AccessDenied, NotFound, OperationFailed, Refused
from infra.operations.down import plan_down
from infra.operations.token import token_rotate
from infra.reporter import Silent
from infra.resources.identity_roles import (
    AUTHORIZATION,
    AUTHORIZATION_API,
    IDENTITY_API,
    ROLES,
    SECRETS_READER,
    IdentityRole,
    ImagesRole,
    SecretsRole,
    StorageRole,
    assignments,
)

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/group"


def identity_id(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def with_identity(bench: Any, name: str) -> tuple[Any, str]:
    id = identity_id(name)
    identity = {"type": "user_assigned", "user_assigned_identities": [id]}
    spec = bench.spec(name, endpoint={"identity": identity})
    bench.target(spec).arm.put(id, {"location": "eastus"}, api_version=IDENTITY_API)
    return spec, id


@contextmanager
def settings(target: Any, **values: float) -> Iterator[None]:
    url = httpx.get(target.portal, headers={"Accept": "application/json"}).json()["settings"]
    before = httpx.get(url).json()
    httpx.put(url, json=values).raise_for_status()
    yield
    httpx.put(url, json={name: before[name] for name in values}).raise_for_status()


def roles_of(target: Any, id: str) -> set[str]:
    """The roles that an identity has at what each of them is for."""
    found = [kind(id, "x") for kind in ROLES]
    principal = found[0].principal(target.cloud)
    held = [one for role in found for one in assignments(target.cloud, principal, role.scope(target.cloud))]
    return {one["properties"]["roleDefinitionId"].rpartition("/")[2] for one in held}


def test_the_identity_gets_what_the_platform_gives_a_system_assigned_one(bench: Any) -> None:
    spec, id = with_identity(bench, "equal")
    target = bench.target(spec)
    assert bench.up(spec).answer == "org/gated with a token"
    assert roles_of(target, id) == {kind.role for kind in ROLES}
    assert not bench.plan(spec).has_changes
    bench.down(spec)
    assert roles_of(target, id) == set()


@pytest.mark.parametrize(
    ("missing", "words"),
    [pytest.param(ImagesRole, "pull", id="image"), pytest.param(StorageRole, "blobs", id="storage")],
)
def test_a_deployment_whose_identity_lacks_a_role_is_refused(
    bench: Any, missing: type[IdentityRole], words: str
) -> None:
    spec, id = with_identity(bench, f"bare-{words}")
    target = bench.target(spec)
    bench.up(spec)
    role = missing(id, spec.name)
    role.delete(target.cloud)
    blue = target.cloud.workspace.deployment(f"bare-{words}-endpoint", "blue")
    document = target.arm.get(blue)
    document["properties"]["environmentVariables"]["MORE"] = "x"
    with pytest.raises(OperationFailed, match=f"Endpoint identity does not have .*{words}") as error:
        target.cloud.poller.wait(target.arm.begin_put(blue, document))
    assert error.value.code == "BadArgument"
    assert "AcrPull" in error.value.hint
    changes = [change for change in bench.plan(spec).changes if change.kind == "role"]
    assert [change.name for change in changes if str(change.action) == "create"] == [role.name]
    bench.down(spec)


def test_the_role_is_assigned_once_and_goes_with_the_stack(bench: Any) -> None:
    spec, id = with_identity(bench, "own")
    target = bench.target(spec)
    assert bench.up(spec).answer == "org/gated with a token"
    assert not bench.plan(spec).has_changes
    principal = SecretsRole(id, "own").principal(target.cloud)
    (found,) = assignments(target.cloud, principal)
    assert found["properties"]["roleDefinitionId"].endswith(SECRETS_READER)
    assert found["properties"]["principalType"] == "ServicePrincipal"
    assert bench.down(spec)["role"] == "delete"
    assert assignments(target.cloud, principal) == []


def test_a_role_that_takes_its_time_is_waited_for(bench: Any, phases: Any) -> None:
    spec, _ = with_identity(bench, "late")
    with settings(bench.target(spec), role_propagation_seconds=4):
        assert bench.up(spec, phases=phases).answer == "org/gated with a token"
    assert [note for note in phases.notes if "has not taken effect" in note] != []


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("azureml://connections/HuggingFaceTokenConnection/credentials/OTHER", id="no-such-key"),
        pytest.param("azureml://connections/HuggingFaceTokenConnection/credentials", id="no-key"),
        pytest.param("azureml://connections/Nowhere/credentials/HF_TOKEN", id="no-such-connection"),
        pytest.param("azureml://connections/a/b/c/d", id="malformed"),
    ],
)
def test_a_reference_that_leads_nowhere_is_not_taken_for_a_role_that_takes_its_time(
    bench: Any, phases: Any, reference: str
) -> None:
    spec, _ = with_identity(bench, "astray")
    variables = {"BROKEN": f"${{{{{reference}}}}}"}
    with pytest.raises(OperationFailed):
        bench.up(spec.but(deployment=spec.deployment.but(environment_variables=variables)), phases=phases)
    assert [note for note in phases.notes if "has not taken effect" in note] == []


def test_a_role_of_somebody_else_serves_and_stays(bench: Any) -> None:
    spec, id = with_identity(bench, "given")
    cloud = bench.target(spec).cloud
    for kind in ROLES:
        kind(id, "somebody").create(cloud, {})
    assert [str(c.action) for c in bench.plan(spec).changes if c.kind == "role"] == ["none"] * 3
    assert "role" not in bench.down(spec)


def test_who_may_not_assign_roles_gets_the_command_for_an_owner(bench: Any) -> None:
    spec, id = with_identity(bench, "humble")
    target = bench.target(spec)
    role = SecretsRole(id, spec.name)
    principal = role.principal(target.cloud)
    with pytest.raises(AccessDenied) as error:
        role.create(as_reader(target).cloud, {})
    assert error.value.code == "AuthorizationFailed"
    assert "az role assignment create --role" in error.value.hint
    assert principal in error.value.hint
    assert target.cloud.workspace.id in error.value.hint
    assert [
        name for name in ("AcrPull", "Storage Blob Data Reader") if f'--role "{name}"' not in error.value.hint
    ] == []


def as_reader(target: Any) -> Any:
    """The same target, used by a service principal that may only read."""
    client = str(uuid.uuid4())
    tenant = target.cloud.management.get(target.cloud.workspace.id)["properties"]["tenantId"]
    credential = ClientSecretCredential(
        tenant,
        client,
        "s",
        authority=target.arm.base_url,
        disable_instance_discovery=True,
        connection_verify=target.arm.ca_bundle,
    )
    object_id = jwt.decode(credential.get_token(PUBLIC.management_scope).token, options={"verify_signature": False})[
        "oid"
    ]
    subscription = GROUP.rpartition("/resourceGroups")[0]
    properties = {
        "principalId": object_id,
        "roleDefinitionId": f"{subscription}{AUTHORIZATION}/roleDefinitions/{READER}",
    }
    assignment = f"{GROUP}{AUTHORIZATION}/roleAssignments/{client}"
    target.arm.put(assignment, {"properties": properties}, api_version=AUTHORIZATION_API)
    return replace(target, arm=Arm(target.arm.base_url, credential, ca_bundle=target.arm.ca_bundle))


def test_an_identity_that_does_not_exist_is_told_before_anything_is_made(bench: Any) -> None:
    identity = {"type": "user_assigned", "user_assigned_identities": [identity_id("nobody")]}
    spec = bench.spec("ghost", endpoint={"identity": identity})
    with pytest.raises(NotFound) as error:
        bench.up(spec)
    assert error.value.code == "identity_not_found"
    assert not plan_down(spec, bench.target(spec)).has_changes


def test_a_secret_in_a_key_vault_that_cannot_be_read_says_which_role(bench: Any, phases: Any) -> None:
    spec = bench.spec("safe", token={"key_vault": f"https://safe.vault.azure.net/secrets/hub/{'0' * 32}"})
    with pytest.raises(OperationFailed) as error:
        bench.up(spec, phases=phases)
    assert error.value.code == "SecretsInjectionError"
    assert "Key Vault Secrets User" in error.value.hint
    with pytest.raises(AccessDenied, match="Key Vault"):
        token_rotate(spec, bench.target(spec), "hf_secondtoken2", reporter=Silent())


def test_a_registry_that_comes_later_is_opened_to_the_identity_before_the_deployment(bench: Any, phases: Any) -> None:
    spec, id = with_identity(bench, "later")
    target = bench.target(spec)
    workspace = target.arm.get(target.cloud.workspace.id)
    registry = workspace["properties"].pop("containerRegistry")
    body = {name: workspace[name] for name in ("location", "properties")}
    target.arm.delete(target.cloud.workspace.id)
    target.arm.put(target.cloud.workspace.id, body)
    with pytest.raises(Refused, match="no container registry"):
        bench.up(spec)
    assert roles_of(target, id) == set()
    body["properties"] |= {"containerRegistry": registry}
    target.arm.put(target.cloud.workspace.id, body)
    assert bench.up(spec, phases=phases).answer == "org/gated with a token"
    assert phases.finished.count("role") == len(ROLES)
    assert phases.finished.index("deployment") > max(n for n, kind in enumerate(phases.finished) if kind == "role")
    assert roles_of(target, id) == {kind.role for kind in ROLES}
    bench.down(spec)
