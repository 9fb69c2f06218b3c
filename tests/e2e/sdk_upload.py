"""Registers a folder as a model asset with the unmodified SDK: `python sdk_upload.py PROFILE NAME FOLDER`."""

import json
import sys

from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model
from azure.identity import ManagedIdentityCredential


def main() -> None:
    """Upload it into the workspace of the profile that `gatelift emulator status --output json` prints."""
    profile, name, folder = json.loads(sys.argv[1]), *sys.argv[2:]
    base = profile["resource_manager"]
    client = MLClient(
        ManagedIdentityCredential(),
        "00000000-0000-0000-0000-000000000001",
        "gatelift",
        "local",
        enable_telemetry=False,
        cloud=f"Emulator{base.rpartition(':')[2]}",
        cloud_metadata={
            "azure_portal": profile["portal"],
            "resource_manager": base,
            "active_directory": base,
            "aml_resource_id": "https://ml.azure.com",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": base,
        },
    )
    client.models.create_or_update(Model(name=name, version="1", path=folder, type="custom_model"))


if __name__ == "__main__":
    main()
