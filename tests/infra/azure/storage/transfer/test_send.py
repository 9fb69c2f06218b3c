"""The files of a model on their way into the workspace's storage."""

import hashlib
import json
from typing import Any

from infra.azure.storage.hashes import hashes
from infra.azure.target import Target


def test_files_and_manifest_arrive(target: Target, folder: Any, blobs: Any, tmp_path: Any) -> None:
    files = hashes(folder(config=3, deep__weights=5000), tmp_path)
    seen: list[tuple[int, int]] = []
    about = {"model": "org/any", "revision": "f" * 40}
    uri = target.cloud.assets.send(files, "weights/sent", about=about, progress=lambda *now: seen.append(now))
    assert uri.endswith("/datastores/workspaceblobstore/paths/weights/sent")
    assert seen[-1] == (5003, 5003)
    for file in files:
        assert blobs.download_blob(f"weights/sent/{file.name}").readall() == file.path.read_bytes()
        assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    manifest = json.loads(blobs.download_blob("weights/sent/gatelift-model.json").readall())
    listed = {file.name: {"size": file.size, "sha256": file.sha256} for file in files}
    assert manifest == {"version": 1, **about, "files": listed}
