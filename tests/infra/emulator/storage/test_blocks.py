"""Blobs in blocks, of any size: over HTTP, through azure-storage-blob, and fetched from elsewhere."""

import base64
import random
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

MIB = 1 << 20


@pytest.fixture
def place(arm: Any) -> tuple[str, str]:
    """A container's URL and the signature that opens it."""
    answer = arm("POST", f"{arm.lab}/codes/blocks/versions/1/startPendingUpload", {})
    url, _, query = answer.json()["blobReferenceForConsumption"]["credential"]["sasUri"].partition("?")
    return url, query


@pytest.fixture
def send(arm: Any, place: tuple[str, str]) -> Any:
    """Sends a request about the blob `b`, signed."""

    def send(method: str, content: Any = b"", headers: Any = None, **query: str) -> httpx.Response:
        everything = {**dict(parse_qsl(place[1])), **query}
        arm.client.headers.pop("Authorization", None)
        answer: httpx.Response = arm.client.request(
            method, f"{place[0]}/b", content=content, params=everything, headers=headers
        )
        return answer

    return send


@pytest.fixture
def container(place: tuple[str, str], sdk_environment: Any) -> Any:
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_container_url("?".join(place)) as client:
        yield client


def id_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def listed(*names: str, kind: str = "Latest") -> bytes:
    return f"<BlockList>{''.join(f'<{kind}>{id_of(name)}</{kind}>' for name in names)}</BlockList>".encode()


def test_lists_name_blocks_of_both_kinds(send: Any, container: Any) -> None:
    for name in ("a", "b", "c"):
        assert send("PUT", name.encode() * 3, comp="block", blockid=id_of(name)).status_code == 201
    assert [block.id for block in container.get_blob_client("b").get_block_list("uncommitted")[1]] == ["a", "b", "c"]
    assert send("PUT", listed("a", "b"), comp="blocklist").status_code == 201
    committed, uncommitted = container.get_blob_client("b").get_block_list("all")
    assert ([(block.id, block.size) for block in committed], uncommitted) == ([("a", 3), ("b", 3)], [])
    assert send("PUT", listed("c"), comp="blocklist").headers["x-ms-error-code"] == "InvalidBlockList"
    assert send("PUT", b"new", comp="block", blockid=id_of("a")).status_code == 201
    assert send("PUT", listed("b", kind="Committed"), comp="blocklist").status_code == 201
    assert send("GET").content == b"bbb"
    send("PUT", b"new", comp="block", blockid=id_of("b"))
    assert send("PUT", listed("b", "b"), comp="blocklist").status_code == 201
    assert send("GET").content == b"newnew"
    assert send("PUT", b"whole", {"x-ms-blob-type": "BlockBlob"}).status_code == 201
    assert container.get_blob_client("b").get_block_list("all") == ([], [])
    send("DELETE")
    assert send("GET", comp="blocklist", blocklisttype="all").headers["x-ms-error-code"] == "BlobNotFound"


@pytest.mark.parametrize(
    ("query", "headers", "content", "code"),
    [
        pytest.param({"comp": "block", "blockid": "?"}, {}, b"x", "InvalidQueryParameterValue", id="no-base64"),
        pytest.param({"comp": "block", "blockid": ""}, {}, b"x", "InvalidQueryParameterValue", id="no-id"),
        pytest.param({"comp": "block", "blockid": id_of("x" * 65)}, {}, b"x", "InvalidQueryParameterValue", id="long"),
        pytest.param({"comp": "block", "blockid": id_of("ab")}, {}, b"x", "InvalidBlobOrBlock", id="other-length"),
        pytest.param(
            {"comp": "block", "blockid": id_of("b")}, {"Content-MD5": id_of("x" * 16)}, b"x", "Md5Mismatch", id="md5"
        ),
        pytest.param({"comp": "blocklist"}, {}, listed("z"), "InvalidBlockList", id="unknown"),
        pytest.param({"comp": "blocklist"}, {}, listed("a", kind="Committed"), "InvalidBlockList", id="not-committed"),
        pytest.param({"comp": "blocklist"}, {}, listed(*["a"] * 50_001), "BlockListTooLong", id="too-many"),
        pytest.param({"comp": "blocklist"}, {}, b"<BlockList>", "InvalidXmlDocument", id="no-xml"),
    ],
)
def test_refusals(send: Any, query: Any, headers: Any, content: bytes, code: str) -> None:
    send("PUT", b"x", comp="block", blockid=id_of("a"))
    answer = send("PUT", content, headers, **query)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, code)
    assert send("GET").status_code == 404


def test_the_sdk_sends_and_reads_large_files_in_parallel(container: Any, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(70 * MIB)
    (tmp_path / "large").write_bytes(content)
    with (tmp_path / "large").open("rb") as file:
        container.upload_blob("large", file, overwrite=True, max_concurrency=8)
    assert len(container.get_blob_client("large").get_block_list()[0]) == 18
    assert container.download_blob("large", max_concurrency=8).readall() == content
    with (tmp_path / "large").open("rb") as file:  # in one request
        container.get_blob_client("whole").upload_blob(file.read(60 * MIB), overwrite=True)
    assert container.download_blob("whole", offset=59 * MIB, length=MIB).readall() == content[59 * MIB : 60 * MIB]
    for name in ("large", "whole"):
        container.delete_blob(name)


def test_a_large_folder_becomes_a_model_through_azure_ai_ml(ml: Any, tmp_path: Path, without_output: Any) -> None:
    from azure.ai.ml.entities import Model

    content = random.Random(2).randbytes(70 * MIB)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.safetensors").write_bytes(content)
    (tmp_path / "weights" / "config.json").write_text("{}")
    with without_output():
        model = ml.models.create_or_update(Model(name="big", path=tmp_path / "weights", type="custom_model"))
        ml.models.download("big", model.version, download_path=tmp_path / "back")
    assert (tmp_path / "back" / "big" / "weights" / "model.safetensors").read_bytes() == content


def test_blocks_are_fetched_from_elsewhere(container: Any, send: Any, elsewhere: Any) -> None:
    client = container.get_blob_client("b")
    content = elsewhere.content
    client.stage_block_from_url("1", elsewhere.url, 0, 3 * MIB)
    client.stage_block_from_url("2", elsewhere.url, 3 * MIB, len(content) - 3 * MIB)
    client.commit_block_list(["1", "2"])
    assert send("GET").content == content
    client.upload_blob_from_url(elsewhere.url, overwrite=True)
    assert client.get_block_list()[0] == []
    assert send("GET").content == content
    send("DELETE")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        pytest.param("/gone", {}, 404, "CannotVerifyCopySource", id="gone"),
        pytest.param("/expired", {}, 403, "CannotVerifyCopySource", id="expired"),
        pytest.param("/redirect", {}, 400, "CannotVerifyCopySource", id="elsewhere"),
        pytest.param("/file", {"x-ms-source-range": "bytes=99999999-"}, 416, "CannotVerifyCopySource", id="range"),
        pytest.param("/file", {"x-ms-source-content-md5": id_of("x" * 16)}, 400, "Md5Mismatch", id="md5"),
        pytest.param("/file", {"x-ms-source-if-match": '"other"'}, 412, "SourceConditionNotMet", id="another-version"),
        pytest.param("http://127.0.0.1:9/file", {}, 500, "CannotVerifyCopySource", id="unreachable"),
        pytest.param("ftp://host/file", {}, 400, "InvalidHeaderValue", id="scheme"),
    ],
)
def test_sources_that_cannot_be_had(send: Any, elsewhere: Any, path: str, headers: Any, status: int, code: str) -> None:
    url = elsewhere.url.removesuffix("/file") + path if path.startswith("/") else path
    answer = send("PUT", b"", {"x-ms-copy-source": url, **headers}, comp="block", blockid=id_of("a"))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code)
    if code == "CannotVerifyCopySource" and path.startswith("/"):
        assert f"<CopySourceStatusCode>{answer.headers['x-ms-copy-source-status-code']}<" in answer.text
