"""One way of a model into the workspace's storage, in a process of its own: `arm.py NAME`, the job as JSON on stdin."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = dict[str, Any]


def ours(job: Job) -> None:
    """gatelift, as `up` does it: hash, send, write the manifest."""
    from infra.azure.cloud import Follower, SourceFile
    from infra.azure.storage.assets import AzureAssets
    from infra.azure.storage.hashes import hashes
    from infra.azure.target import open_target
    from infra.hub.access import Hub
    from infra.spec.model import spec_from

    target = open_target(spec_from(job["spec"]), local=True, environ={"GATELIFT_EMULATOR_STATE": job["state"]})
    if job["repo"]:
        hub = Hub(job["hub"])
        facts = hub.model(job["repo"], None, None)
        files = [
            SourceFile(
                file.name,
                file.size or 0,
                file.sha256,
                file.git_oid,
                url=hub.resolve_url(facts.id, facts.revision, file.name),
            )
            for file in facts.files
        ]
    else:
        names = sorted(Path(job["source"]).iterdir())
        files = hashes([SourceFile(path.name, path.stat().st_size, path=path) for path in names], Path(job["cache"]))

    def progress(done: int, total: int) -> None:
        if job["share"] and done >= job["share"] * total:
            os.kill(os.getpid(), signal.SIGKILL)

    assets = AzureAssets(target.workspace, target.arm, target.portal, streamed=job["streamed"])
    assets.send(files, job["name"], about={"model": "org/bench"}, follower=Follower(progress))


def blob_sdk(job: Job) -> None:
    """azure-storage-blob's parallel upload of one file after the other."""
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_container_url(job["container"]) as container:
        for path in sorted(Path(job["source"]).iterdir()):
            with path.open("rb") as file:
                container.upload_blob(f"{job['name']}/{path.name}", file, overwrite=True, max_concurrency=8)


def azure_ai_ml(job: Job) -> None:
    """azure-ai-ml's upload of a folder as a model."""
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Model
    from azure.identity import ManagedIdentityCredential

    arm, where = job["resource_manager"] + "/", job["spec"]["workspace"]
    cloud = {
        "azure_portal": arm,
        "resource_manager": arm,
        "active_directory": arm,
        "aml_resource_id": "https://ml.azure.com/",
        "storage_endpoint": "core.windows.net",
        "registry_discovery_endpoint": arm,
    }
    client = MLClient(
        ManagedIdentityCredential(),
        where["subscription_id"],
        where["resource_group"],
        where["name"],
        cloud=f"bench-{arm}",
        cloud_metadata=cloud,
        show_progress=False,
    )
    client.models.create_or_update(Model(name=job["name"], path=job["source"], type="custom_model"))


def download_and_azure_ai_ml(job: Job) -> None:
    """huggingface_hub's download to this disk, then azure-ai-ml's upload."""
    from huggingface_hub import snapshot_download

    snapshot_download(job["repo"], endpoint=job["hub"], local_dir=job["source"], token=False)
    azure_ai_ml(job)


ARMS: dict[str, Callable[[Job], None]] = {
    "gatelift": ours,
    "gatelift, streamed": ours,
    "azure-storage-blob": blob_sdk,
    "azure-ai-ml": azure_ai_ml,
    "download, azure-ai-ml": download_and_azure_ai_ml,
}

if __name__ == "__main__":
    ARMS[sys.argv[1]](json.load(sys.stdin))
