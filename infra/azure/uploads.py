"""Uploads a folder to a blob container: the home of azure.storage."""

from pathlib import Path
from typing import Any

from infra.timeouts import Timeouts


def upload_folder(
    container_url: str,
    folder: Path,
    *,
    below: str = "",
    credential: Any = None,
    ca_bundle: str | None = None,
    timeouts: Timeouts,
) -> None:
    """Put every file of the folder into the container, by its relative path; the URL's signature or `credential` opens
    it.
    """
    from azure.storage.blob import ContainerClient, ExponentialRetry  # 0.7 s, only when something is uploaded

    from infra.azure.sdk_transport import as_gatelift_errors

    settings: dict[str, Any] = {"connection_timeout": timeouts.connect, "read_timeout": timeouts.request}
    # The package's own pause before the second try is 15 seconds.
    settings["retry_policy"] = ExponentialRetry(
        initial_backoff=1, increment_base=2, retry_total=3, random_jitter_range=1
    )
    if ca_bundle:
        settings["connection_verify"] = ca_bundle
    with (
        as_gatelift_errors("upload to the workspace's storage account"),
        ContainerClient.from_container_url(container_url, credential, **settings) as container,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                container.upload_blob(below + path.relative_to(folder).as_posix(), path.read_bytes(), overwrite=True)
