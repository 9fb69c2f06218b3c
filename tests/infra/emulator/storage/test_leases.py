"""Leases of blobs, through the real azure-storage-blob, by a clock of the storage service that the test moves."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from tests.infra.emulator.storage.test_storage import place  # noqa: F401  a fixture

MINE, OTHER = str(uuid.uuid4()), str(uuid.uuid4())


@pytest.fixture
def blob(place: Any, sdk_environment: Any) -> Any:  # noqa: F811
    """A client of a blob that exists."""
    from azure.storage.blob import ContainerClient

    container = ContainerClient.from_container_url(f"{place[0]}?{urlencode(place[1])}")
    client = container.get_blob_client(f"locks/{uuid.uuid4()}")
    client.upload_blob(b"", metadata={"holder": "me"})
    return client


@pytest.fixture
def move_clock(emulator: Any) -> Iterator[Callable[[float], None]]:
    """Sets the storage service's clock ahead by so many seconds."""

    def move(seconds: float) -> None:
        changes = {"storage_clock_seconds_ahead": seconds}
        httpx.put(f"{emulator.portal}/settings", json=changes, trust_env=False).raise_for_status()

    yield move
    move(0)


def lease_of(blob: Any, id: str = MINE) -> Any:
    from azure.storage.blob import BlobLeaseClient

    return BlobLeaseClient(blob, id)


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(HttpResponseError) as refusal:
        call()
    error: Any = refusal.value
    return error.status_code, error.error_code


def state_of(blob: Any) -> tuple[str, str]:
    lease = blob.get_blob_properties().lease
    return lease.state, lease.status


def test_one_holder_at_a_time(blob: Any) -> None:
    assert state_of(blob) == ("available", "unlocked")
    lease_of(blob).acquire(60)
    assert state_of(blob) == ("leased", "locked")
    lease_of(blob).acquire(60)  # with the same id again, as after a lost answer
    assert refused(lambda: lease_of(blob, OTHER).acquire(60)) == (409, "LeaseAlreadyPresent")
    assert refused(lambda: lease_of(blob, OTHER).renew()) == (409, "LeaseIdMismatchWithLeaseOperation")
    assert refused(lambda: lease_of(blob, OTHER).release()) == (409, "LeaseIdMismatchWithLeaseOperation")
    lease_of(blob).renew()
    lease_of(blob).change(OTHER)
    assert refused(lambda: lease_of(blob).renew()) == (409, "LeaseIdMismatchWithLeaseOperation")
    lease_of(blob, OTHER).release()
    assert state_of(blob) == ("available", "unlocked")


def test_a_leased_blob_is_written_and_deleted_only_with_the_id(blob: Any) -> None:
    lease_of(blob).acquire(60)
    writes: list[Callable[..., Any]] = [
        lambda **with_id: blob.upload_blob(b"x", overwrite=True, **with_id),
        lambda **with_id: blob.set_blob_metadata({"a": "b"}, **with_id),
        lambda **with_id: blob.delete_blob(**with_id),
    ]
    for write in writes:
        assert refused(write) == (412, "LeaseIdMissing")
        assert refused(lambda w=write: w(lease=OTHER)) == (412, "LeaseIdMismatchWithBlobOperation")  # type: ignore[misc]
    assert blob.download_blob().readall() == b""  # reading needs no lease
    for write in writes:
        assert state_of(blob) == ("leased", "locked")
        write(lease=MINE)
    assert not blob.exists()


def test_it_expires_by_the_services_clock(blob: Any, move_clock: Callable[[float], None]) -> None:
    lease_of(blob).acquire(60)
    move_clock(59)
    assert refused(lambda: lease_of(blob, OTHER).acquire(15)) == (409, "LeaseAlreadyPresent")
    move_clock(61)
    assert state_of(blob) == ("expired", "unlocked")
    assert refused(lambda: blob.set_blob_metadata({}, lease=MINE)) == (412, "LeaseLost")
    lease_of(blob).renew()  # nobody else took it meanwhile
    assert state_of(blob) == ("leased", "locked")
    move_clock(200)
    lease_of(blob, OTHER).acquire(15)
    assert refused(lambda: lease_of(blob).renew()) == (409, "LeaseIdMismatchWithLeaseOperation")


def test_a_broken_lease(blob: Any, move_clock: Callable[[float], None]) -> None:
    assert refused(lambda: lease_of(blob).break_lease()) == (409, "LeaseNotPresentWithLeaseOperation")
    lease_of(blob).acquire(60)
    assert lease_of(blob, OTHER).break_lease(10) == 10
    assert state_of(blob) == ("breaking", "locked")
    assert refused(lambda: lease_of(blob).acquire(60)) == (409, "LeaseIsBreakingAndCannotBeAcquired")
    assert refused(lambda: lease_of(blob, OTHER).acquire(60)) == (409, "LeaseAlreadyPresent")
    assert refused(lambda: lease_of(blob).renew()) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    assert refused(lambda: lease_of(blob).change(OTHER)) == (409, "LeaseIsBreakingAndCannotBeChanged")
    move_clock(11)
    assert state_of(blob) == ("broken", "unlocked")
    assert refused(lambda: lease_of(blob).renew()) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    lease_of(blob, OTHER).acquire(60)
    assert lease_of(blob, MINE).break_lease(0) == 0
    assert state_of(blob) == ("broken", "unlocked")
    blob.set_blob_metadata({"free": "yes"})
    lease_of(blob).acquire(-1)
    assert blob.get_blob_properties().lease.duration == "infinite"
    lease_of(blob).release()


@pytest.mark.parametrize("seconds", [14, 61, 0, -2])
def test_an_impossible_duration(blob: Any, seconds: int) -> None:
    assert refused(lambda: lease_of(blob).acquire(seconds)) == (400, "InvalidHeaderValue")


def test_a_blob_that_does_not_exist(blob: Any) -> None:
    blob.delete_blob()
    assert refused(lambda: lease_of(blob).acquire(60)) == (404, "BlobNotFound")
