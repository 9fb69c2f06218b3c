"""A signature made with the account's key is the one that azure-storage-blob makes."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from azure.storage.blob import generate_container_sas

from infra.azure.storage.datastore import Container, sign

KEY = base64.b64encode(b"k" * 64).decode()


def test_a_signature() -> None:
    container = Container("https://account.blob.core.windows.net/azureml-blobstore-1", "account", key=KEY)
    until = datetime(2026, 1, 15, 13, tzinfo=UTC)
    theirs = parse_qs(
        generate_container_sas(
            "account", "azureml-blobstore-1", KEY, permission="racwdl", expiry=until, protocol="https"
        )
    )
    assert parse_qs(sign(container, until - timedelta(hours=1), theirs["sv"][0])) == theirs
