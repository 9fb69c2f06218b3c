"""A folder of this machine in the emulator's storage: read in place, and never changed."""

import json
from typing import Any

import httpx

from infra.azure.target import Target


def test_linked_files_are_read_where_they_are(target: Target, folder: Any, blobs: Any) -> None:
    files = folder(config=3, deep__weights=5000)
    (files[0].path.parent / "not-asked-for").write_text("x")
    uri = target.cloud.assets.link(files[0].path.parent, files, "weights/linked", about={"model": "m"})
    assert uri.endswith("/datastores/workspaceblobstore/paths/weights/linked")
    names = ["weights/linked/config", "weights/linked/deep/weights", "weights/linked/gatelift-model.json"]
    assert [blob.name for blob in blobs.list_blobs(name_starts_with="weights/linked")] == names
    files[1].path.write_bytes(b"0123456789")
    assert blobs.download_blob(names[1]).readall() == b"0123456789"
    assert blobs.download_blob(names[1], offset=2, length=3).readall() == b"234"
    assert json.loads(blobs.download_blob(names[2]).readall()) == {
        "version": 1,
        "model": "m",
        "revision": "",
        "files": {"config": {"size": 3, "sha256": ""}, "deep/weights": {"size": 5000, "sha256": ""}},
    }
    url = target.cloud.assets.blob_url(uri)
    assert blobs.url.partition("?")[0] + "/weights/linked" == url
    blobs.delete_blob(names[0])
    assert files[0].path.exists()
    assert [blob.name for blob in blobs.list_blobs(name_starts_with="weights/linked")] == names[1:]


def test_a_link_needs_a_folder(target: Target, tmp_path: Any) -> None:
    asked = {"container": "nowhere", "prefix": "p", "folder": str(tmp_path)}
    answer = httpx.put(f"{target.portal}/blob-links", json=asked, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "there is no container 'nowhere'")
