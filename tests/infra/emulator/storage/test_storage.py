"""Blobs over HTTP, by hand and through azure-storage-blob."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest


@pytest.fixture
def place(arm: Any) -> tuple[str, dict[str, str]]:
    """A container's URL and the signature that opens it."""
    answer = arm("POST", f"{arm.lab}/codes/storage/versions/1/startPendingUpload", {})
    url, _, query = answer.json()["blobReferenceForConsumption"]["credential"]["sasUri"].partition("?")
    return url, dict(parse_qsl(query))


@pytest.fixture
def storage(arm: Any, place: tuple[str, dict[str, str]]) -> Any:
    """Sends requests to the container, signed."""
    del arm.client.headers["Authorization"]

    def send(method: str, name: str = "", content: bytes = b"", query: Any = None, **headers: str) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        url = f"{place[0]}/{name}" if name else place[0]
        answer: httpx.Response = arm.client.request(
            method, url, content=content, params={**place[1], **(query or {})}, headers=named
        )
        return answer

    return send


def test_a_blob_comes_back_whole_and_in_parts(storage: Any) -> None:
    made = storage("PUT", "folder/file.txt", b"0123456789", x_ms_blob_type="BlockBlob", x_ms_meta_name="digits")
    assert made.status_code == 201
    whole = storage("GET", "folder/file.txt")
    assert (whole.status_code, whole.content, whole.headers["x-ms-meta-name"]) == (200, b"0123456789", "digits")
    part = storage("GET", "folder/file.txt", x_ms_range="bytes=2-4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert storage("GET", "folder/file.txt", range="bytes=8-").content == b"89"
    assert storage("GET", "folder/file.txt", range="bytes=10-").status_code == 416
    head = storage("HEAD", "folder/file.txt")
    assert (head.headers["content-length"], head.content) == ("10", b"")
    assert storage("GET", "folder/file.txt", if_none_match=whole.headers["etag"]).status_code == 304
    assert storage("PUT", "folder/file.txt", b"x", if_none_match="*").headers["x-ms-error-code"] == "BlobAlreadyExists"
    assert storage("PUT", "folder/file.txt", b"x", if_match='"0x0"').status_code == 412
    storage("PUT", "folder/file.txt", query={"comp": "metadata"}, x_ms_meta_upload_status="completed")
    assert storage("HEAD", "folder/file.txt").headers["x-ms-meta-upload-status"] == "completed"
    assert storage("DELETE", "folder/file.txt").status_code == 202
    missing = storage("HEAD", "folder/file.txt")
    assert (missing.status_code, missing.headers["x-ms-error-code"]) == (404, "BlobNotFound")


def test_a_blob_of_blocks(storage: Any) -> None:
    for block, content in (("MQ==", b"one "), ("Mg==", b"two")):
        storage("PUT", "big.bin", content, {"comp": "block", "blockid": block})
    assert storage("HEAD", "big.bin").status_code == 404
    both = b"<BlockList><Latest>MQ==</Latest><Latest>Mg==</Latest></BlockList>"
    assert storage("PUT", "big.bin", both, {"comp": "blocklist"}).status_code == 201
    assert storage("GET", "big.bin").content == b"one two"
    assert "<Name>Mg==</Name><Size>3</Size>" in storage("GET", "big.bin", query={"comp": "blocklist"}).text
    unknown = b"<BlockList><Latest>Mw==</Latest></BlockList>"
    assert storage("PUT", "big.bin", unknown, {"comp": "blocklist"}).headers["x-ms-error-code"] == "InvalidBlockList"
    bomb = b'<!DOCTYPE x [<!ENTITY a "aa">]><BlockList/>'
    assert storage("PUT", "big.bin", bomb, {"comp": "blocklist"}).headers["x-ms-error-code"] == "InvalidXmlDocument"
    storage("DELETE", "big.bin")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        pytest.param({"sig": "AAAA"}, 403, "AuthenticationFailed", id="forged"),
        pytest.param({"sp": "racwdlx"}, 403, "AuthenticationFailed", id="more-rights"),
        pytest.param({"se": "2099-01-01T00:00:00Z"}, 403, "AuthenticationFailed", id="longer"),
        pytest.param({"sig": None}, 409, "PublicAccessNotPermitted", id="none"),
    ],
)
def test_signatures(arm: Any, place: Any, change: dict[str, Any], status: int, code: str) -> None:
    query = {name: value for name, value in {**place[1], **change}.items() if value is not None}
    answer = httpx.Client(verify=False, trust_env=False).get(f"{place[0]}/any?{urlencode(query)}")  # noqa: S501
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code)


def test_a_signature_opens_one_container(arm: Any, storage: Any, place: Any) -> None:
    other = place[0].rpartition("/")[0] + "/somewhere-else/x"
    answer = arm.client.get(other, params=place[1])
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


def test_each_pending_upload_has_a_place_of_its_own(arm: Any, place: Any) -> None:
    url = f"{arm.lab}/codes/storage/versions/1/startPendingUpload"
    answer = arm("POST", url, {}).json()["blobReferenceForConsumption"]
    assert answer["blobUri"] != place[0]
    upload = arm.client.put(f"{answer['blobUri']}/x", params=place[1], headers={"x-ms-blob-type": "BlockBlob"})
    assert (upload.status_code, upload.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


def test_models_of_a_workspace_have_no_pending_uploads(arm: Any) -> None:
    answer = arm("POST", f"{arm.lab}/models/any/versions/1/startPendingUpload", {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")


def test_the_storage_sdk(place: Any, emulator: Any, sdk_environment: Any) -> None:
    from azure.core.exceptions import ResourceNotFoundError
    from azure.storage.blob import ContainerClient

    client = ContainerClient.from_container_url(
        f"{place[0]}?{urlencode(place[1])}", max_single_put_size=4, max_block_size=4
    )
    client.upload_blob("deep/er/large.txt", b"a long text in blocks", overwrite=True, metadata={"a": "b"})
    client.upload_blob("deep/small.txt", b"s", overwrite=True)
    assert sorted(blob.name for blob in client.list_blobs(name_starts_with="deep/")) == [
        "deep/er/large.txt",
        "deep/small.txt",
    ]
    assert [blob.name for blob in client.walk_blobs(name_starts_with="deep/")] == ["deep/er/", "deep/small.txt"]
    assert client.download_blob("deep/er/large.txt").readall() == b"a long text in blocks"
    assert client.download_blob("deep/er/large.txt", offset=2, length=4).readall() == b"long"
    assert client.get_blob_client("deep/er/large.txt").get_blob_properties().metadata == {"a": "b"}
    pages = client.list_blobs(name_starts_with="deep/", results_per_page=1).by_page()
    assert [len(list(page)) for page in pages] == [1, 1]
    with pytest.raises(ResourceNotFoundError):
        client.download_blob("deep/none")
    for name in ("deep/er/large.txt", "deep/small.txt"):
        client.delete_blob(name)


def test_data_rights_of_a_token(emulator: Any, arm: Any, place: Any) -> None:
    parameters = {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}
    token = httpx.get(
        emulator.identity_endpoint, params=parameters, headers={"X-IDENTITY-HEADER": "x"}, trust_env=False
    ).json()["access_token"]
    answer = arm.client.get(f"{place[0]}/x", headers={"Authorization": f"Bearer {token}"})
    # An owner has no data rights by that.
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthorizationPermissionMismatch")


@pytest.mark.parametrize("version", ["abc", "2024", "2024-11-04T00:00:00Z"])
def test_a_malformed_version_of_the_service_is_refused(storage: Any, version: str) -> None:
    answer = storage("GET", query={"restype": "container", "comp": "list"}, x_ms_version=version)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


@pytest.mark.parametrize("name", ["a#b.txt", "what?.txt", "100%.txt", "a%20b", "folder #1/50% off?.bin"])
def test_a_blob_of_any_name_is_listed_by_it_through_the_sdk(
    place: tuple[str, dict[str, str]], sdk_environment: Any, name: str
) -> None:
    from azure.storage.blob import ContainerClient

    client = ContainerClient.from_container_url(f"{place[0]}?{urlencode(place[1])}")
    client.upload_blob(name, b"content")
    assert [blob.name for blob in client.list_blobs()] == [name]
    assert client.download_blob(name).readall() == b"content"
    client.delete_blob(name)
    assert list(client.list_blobs()) == []
