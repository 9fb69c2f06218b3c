"""Uploads a folder to a blob container by its SAS address: the home of azure.storage."""

from pathlib import Path

from infra.patience import Patience


def upload_folder(sas_uri: str, folder: Path, *, ca_bundle: str | None = None, patience: Patience) -> None:
    """Put every file of the folder into the container, by its relative path."""
    from azure.storage.blob import ContainerClient, ExponentialRetry  # 0.7 s, only when something is uploaded

    from infra.sdk_transport import as_gatelift_errors

    waits = {"connection_timeout": patience.connect, "read_timeout": patience.request}
    # The package's own pause before the second try is 15 seconds.
    again = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=3, random_jitter_range=1)
    verify = {"connection_verify": ca_bundle} if ca_bundle else {}
    with (
        as_gatelift_errors("upload of the code"),
        ContainerClient.from_container_url(sas_uri, retry_policy=again, **waits, **verify) as container,  # type: ignore[arg-type]
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                container.upload_blob(path.relative_to(folder).as_posix(), path.read_bytes(), overwrite=True)
