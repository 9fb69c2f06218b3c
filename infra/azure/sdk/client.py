"""Creates models with azure-ai-ml; the only module that imports that package.

Importing it takes seconds, so it is loaded in a thread (`warm_up`) while Resource Manager creates the endpoint.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from infra.azure.arm import Arm
from infra.azure.azure_clouds import AzureCloud
from infra.azure.sdk.output import QuietThreads
from infra.azure.sdk.transport import RenewingTransport, as_gatelift_errors
from infra.azure.sdk.uploads import upload_to_workspace
from infra.azure.workspace import Workspace
from infra.errors import Refused
from infra.parallel import Task

CLOUD_VARIABLE, CLOUD_PREFIX = "AZUREML_CURRENT_CLOUD", "gatelift-"
QUIET = QuietThreads()


class Sdk:
    """The SDK's client of one workspace, created when it is first needed."""

    def __init__(self, workspace: Workspace, arm: Arm, azure: AzureCloud) -> None:
        self._workspace = workspace
        self._arm = arm
        self._azure = azure
        self._lock = threading.Lock()
        self._client: Any = None

    def warm_up(self) -> None:
        """Start to import the SDK in the background."""
        Task(self._open)

    def put_model(self, document: Mapping[str, Any], folder: Path) -> None:
        """Upload the folder and create the model version."""
        self._put_asset(
            "models", "load_model", {**document, "path": upload_to_workspace(self._arm, self._workspace, folder)}
        )

    def _put_asset(self, group: str, loader: str, document: Mapping[str, Any]) -> None:
        client = self._open()
        with QUIET.silence(), _sdk_errors(f"{group}: {document['name']}"):
            getattr(client, group).create_or_update(self._load(loader, document))

    def _load(self, loader: str, document: Mapping[str, Any]) -> Any:
        import azure.ai.ml as sdk

        text = io.StringIO()
        YAML().dump(_plain(document), text)
        with tempfile.TemporaryDirectory(prefix="gatelift-aml-") as folder:
            source = Path(folder, "document.yaml")
            source.write_text(text.getvalue(), encoding="utf-8")
            return getattr(sdk, loader)(source=source)

    def _open(self) -> Any:
        with self._lock:
            if self._client is None:
                with QUIET.silence():
                    self._client = self._make_client()
            return self._client

    def _make_client(self) -> Any:
        for name in ("azure.ai.ml", "azure.core.pipeline.policies.http_logging_policy"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module="azure.ai.ml")
        os.environ.pop(CLOUD_VARIABLE, None)  # the SDK itself set it, perhaps in the parent process
        sdk = _import_sdk()

        where: dict[str, Any] = {"cloud": self._azure.name}
        if not self._azure.known:
            # The SDK keeps clouds by name for the whole process, so the name includes the address.
            where = {"cloud": CLOUD_PREFIX + self._arm.base_url, "cloud_metadata": self._cloud_metadata()}
        return sdk.MLClient(
            self._arm.credential,
            self._workspace.subscription_id,
            self._workspace.resource_group,
            self._workspace.name,
            transport=self._transport(),
            enable_telemetry=False,
            show_progress=False,
            **where,
        )

    def _transport(self) -> RenewingTransport:
        waits = {"connection_timeout": self._arm.timeouts.connect, "read_timeout": self._arm.timeouts.request}
        verify = {"connection_verify": self._arm.ca_bundle} if self._arm.ca_bundle else {}
        return RenewingTransport(self._arm.credential, self._arm.scope, **waits, **verify)

    def _cloud_metadata(self) -> dict[str, str]:
        return {
            "azure_portal": self._azure.portal,
            "resource_manager": f"{self._azure.resource_manager}/",
            "active_directory": f"{self._azure.authority}/",
            "aml_resource_id": f"{self._azure.machine_learning}/",
            "storage_endpoint": self._azure.storage_suffix,
            "registry_discovery_endpoint": f"{self._azure.registry_discovery}/",
        }


def _import_sdk() -> Any:
    """Import the package with garbage collection switched off, which saves a third of the CPU time.

    The import creates hundreds of thousands of objects that live as long as the process. The collector would scan them
    again and again meanwhile, and once more when the process ends, which `gc.freeze` prevents.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        import azure.ai.ml as sdk
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
    return sdk


@contextmanager
def _sdk_errors(what: str) -> Iterator[None]:
    """Turn errors of the service, and those that the SDK raises before it sends a request, into `GateliftError`s."""
    with as_gatelift_errors(what):
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            hint = "correct its fields in the spec; GATELIFT_DEBUG=1 shows where it failed"
            raise Refused(f"azure-ai-ml could not send {what}: {error}", hint=hint, code="sdk_error") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
