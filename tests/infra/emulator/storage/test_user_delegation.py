"""User delegation keys and the signatures made with them, through the real azure-storage-blob."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    UserDelegationKey,
    generate_blob_sas,
    generate_container_sas,
)

from infra.emulator.identity.roles import BLOB_DATA_READER
from tests.infra.emulator.storage.test_leases import move_clock  # noqa: F401  a fixture

CONTRIBUTOR, READER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", BLOB_DATA_READER


class Account:
    """A workspace's storage account, as its owner sees it."""

    def __init__(self, arm: Any, workspace: str) -> None:
        self.arm = arm
        self.id = arm("GET", workspace).json()["properties"]["storageAccount"]
        self.name = self.id.rpartition("/")[2]
        store = arm("GET", f"{workspace}/datastores/workspaceblobstore").json()["properties"]
        self.container = store["containerName"]
        self.url = f"{str(arm.client.base_url).rstrip('/')}/blobstore/{self.name}.blob.core.windows.net"
        assignments = arm("GET", f"{arm.group}/providers/Microsoft.Authorization/roleAssignments", version="2022-04-01")
        self.owner = assignments.json()["value"][0]["properties"]["principalId"]

    def assign(self, role: str) -> str:
        """Give the owner a role on the account; returns the assignment."""
        definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
        id = f"{self.id}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        body = {"properties": {"roleDefinitionId": definition, "principalId": self.owner}}
        assert self.arm("PUT", id, body, version="2022-04-01").status_code == 201
        return id

    def revoke(self, assignment: str) -> None:
        assert self.arm("DELETE", assignment, version="2022-04-01").status_code == 200

    def key(self, client_id: str | None = None, **lifetime: float) -> UserDelegationKey:
        """A key of the owner or another identity, for an hour or so long."""
        now = datetime.now(UTC)
        service = BlobServiceClient(self.url, credential=ManagedIdentityCredential(client_id=client_id))
        return service.get_user_delegation_key(
            now - timedelta(seconds=5), now + timedelta(**(lifetime or {"hours": 1}))
        )

    def opened(self, signature: str, container: str = "") -> ContainerClient:
        return ContainerClient(self.url, container or self.container, credential=signature)

    def signed(self, key: UserDelegationKey, permission: str = "racwdl", **fields: Any) -> str:
        """A signature for the container."""
        expiry = datetime.now(UTC) + timedelta(minutes=30)
        return generate_container_sas(
            self.name, self.container, user_delegation_key=key, permission=permission, **({"expiry": expiry} | fields)
        )


@pytest.fixture
def account(arm: Any, sdk_environment: Any) -> Iterator[Account]:
    """The account of a workspace, in which the owner may read and write blobs."""
    account = Account(arm, arm.annex)
    role = account.assign(CONTRIBUTOR)
    yield account
    account.revoke(role)


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(HttpResponseError) as refusal:
        call()
    error: Any = refusal.value
    return error.status_code, error.error_code


def test_a_signature_for_a_container(account: Account) -> None:
    container = account.opened(account.signed(account.key()))
    container.upload_blob("delegated/a b#?.txt", b"content", overwrite=True)
    assert [blob.name for blob in container.list_blobs(name_starts_with="delegated/")] == ["delegated/a b#?.txt"]
    assert container.download_blob("delegated/a b#?.txt").readall() == b"content"
    container.delete_blob("delegated/a b#?.txt")


def test_a_signature_for_a_blob_opens_no_other_and_no_list(account: Account) -> None:
    key = account.key()
    account.opened(account.signed(key)).upload_blob("delegated/one #1", b"1", overwrite=True)
    signature = generate_blob_sas(
        account.name,
        account.container,
        "delegated/one #1",
        user_delegation_key=key,
        permission="rl",
        expiry=datetime.now(UTC) + timedelta(minutes=30),
        content_type="text/plain",
    )
    only = account.opened(signature)
    assert only.download_blob("delegated/one #1").readall() == b"1"
    assert refused(lambda: only.download_blob("delegated/two")) == (403, "AuthenticationFailed")
    assert refused(lambda: list(only.list_blobs())) == (403, "AuthenticationFailed")
    assert refused(lambda: only.upload_blob("delegated/one #1", b"2", overwrite=True)) == (
        403,
        "AuthorizationPermissionMismatch",
    )


@pytest.mark.parametrize("field", ["sp", "se", "skoid", "sktid", "ske", "sv", "sr", "sig"])
def test_a_changed_field_breaks_the_signature(account: Account, field: str) -> None:
    changes = {"sp": "rl", "se": "2099-01-01T00:00:00Z", "ske": "2099-01-01T00:00:00Z", "sv": "2024-11-04", "sr": "b"}
    query = httpx.QueryParams(account.signed(account.key(), "r")).set(field, changes.get(field, str(uuid.uuid4())))
    assert refused(lambda: account.opened(str(query)).download_blob("x")) == (403, "AuthenticationFailed")


def test_a_signature_opens_no_container_of_another_account(account: Account, arm: Any) -> None:
    other = Account(arm, arm.lab)
    signature = account.signed(account.key())
    client = ContainerClient(account.url, other.container, credential=signature)
    assert refused(lambda: client.download_blob("x")) == (403, "AuthenticationFailed")


def test_a_signature_gives_what_the_owner_of_its_key_may_do(account: Account, arm: Any) -> None:
    other = Account(arm, arm.lab)
    nothing = other.opened(other.signed(other.key()))  # an owner of the account has no right to data by that
    assert refused(lambda: list(nothing.list_blobs())) == (403, "AuthorizationPermissionMismatch")
    role = other.assign(READER)
    container = other.opened(other.signed(other.key()))
    assert list(container.list_blobs(name_starts_with="delegated/")) == []
    assert refused(lambda: container.upload_blob("x", b"")) == (403, "AuthorizationPermissionMismatch")
    other.revoke(role)
    assert refused(lambda: list(container.list_blobs())) == (403, "AuthorizationPermissionMismatch")


def test_a_key_needs_the_right_to_make_one(account: Account, arm: Any) -> None:
    id = f"{arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/keyless"
    known = arm.done("PUT", id, {"location": "eastus"}, version="2023-01-31").json()["properties"]
    assert refused(lambda: account.key(known["clientId"])) == (403, "AuthorizationPermissionMismatch")


def test_signature_and_key_have_their_time(account: Account, move_clock: Callable[[float], None]) -> None:  # noqa: F811
    key, now = account.key(hours=1), datetime.now(UTC)
    later = account.opened(account.signed(key, start=now + timedelta(minutes=10)))
    longer = account.opened(account.signed(key, expiry=now + timedelta(hours=2)))
    for minutes, of_later, of_longer in ((0, False, True), (20, True, True), (40, False, True), (61, False, False)):
        move_clock(minutes * 60)
        for client, good in ((later, of_later), (longer, of_longer)):
            if good:
                assert list(client.list_blobs(name_starts_with="none/")) == []
            else:
                assert refused(lambda client=client: list(client.list_blobs())) == (403, "AuthenticationFailed")


def test_a_signature_for_other_addresses(account: Account) -> None:
    key = account.key()
    assert list(account.opened(account.signed(key, ip="127.0.0.0-127.0.0.9")).list_blobs(name_starts_with="n/")) == []
    elsewhere = account.opened(account.signed(key, ip="192.0.2.7"))
    assert refused(lambda: list(elsewhere.list_blobs())) == (403, "AuthorizationSourceIPMismatch")


@pytest.mark.parametrize("lifetime", [{"days": 7, "minutes": 5}, {"seconds": -2}])
def test_a_key_is_for_seven_days_at_most(account: Account, lifetime: dict[str, float]) -> None:
    assert refused(lambda: account.key(**lifetime)) == (400, "InvalidXmlNodeValue")


def test_a_key_needs_a_login_not_a_signature(account: Account, arm: Any) -> None:
    url = f"{account.url}/?restype=service&comp=userdelegationkey&{account.signed(account.key())}"
    answer = httpx.post(url, content=b"<KeyInfo/>", verify=False, trust_env=False)  # noqa: S501
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (409, "PublicAccessNotPermitted")


def test_accounts_that_refuse_their_keys_take_these_signatures(account: Account, emulator: Any) -> None:
    url = f"{emulator.portal}/settings"
    httpx.put(url, json={"storage_shared_keys": 0}, trust_env=False).raise_for_status()
    assert list(account.opened(account.signed(account.key())).list_blobs(name_starts_with="none/")) == []
    httpx.put(url, json={"storage_shared_keys": 1}, trust_env=False).raise_for_status()
