"""Opens the target of a stack: its workspace and Hub, on Azure or, with `--local`, on the emulator."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from infra.azure.arm import Arm
from infra.azure.azure_clouds import PUBLIC, AzureCloud, find_cloud
from infra.azure.cloud import Cloud
from infra.azure.image_builds import REGISTRY_API
from infra.azure.locks.leases import Locks
from infra.azure.login import CachingCredential
from infra.azure.poller import ArmPoller
from infra.azure.sdk.assets import AzureAssets
from infra.azure.storage.lock_blobs import LockBlobs
from infra.azure.workspace import PROVIDER, Workspace
from infra.clock import Clock, SystemClock
from infra.digests import fingerprint
from infra.emulator import launcher
from infra.errors import NotFound
from infra.hub.access import PUBLIC_HUB, Hub
from infra.parallel import Task
from infra.paths import default_emulator_state
from infra.portal import Portal
from infra.redaction import SEEN
from infra.reporter import Reporter, Silent
from infra.spec.model import StackSpec, to_values
from infra.timeouts import read_timeouts

DEFAULT_LOCATION = "eastus"
LOOPBACK = ("127.0.0.1", "localhost", "::1")  # httpx fails on `[::1]`


@dataclass(frozen=True)
class Target:
    """The workspace and the Hub of one stack, on Azure or on the emulator."""

    workspace: Workspace
    stack: str
    arm: Arm
    hub: Hub
    portal: str
    """The URL of Azure ML studio, or of the emulator's portal."""
    clock: Clock
    azure: AzureCloud = PUBLIC
    """Which of Azure's clouds this is."""
    locked: bool = True
    """Whether commands that change something take a lock; off only where a person wants none."""

    @property
    def local(self) -> bool:
        """Whether this is the emulator."""
        return self.workspace.local

    @property
    def cloud(self) -> Cloud:
        """The workspace, without progress reports."""
        return self.cloud_for(Silent())

    def cloud_for(self, reporter: Reporter) -> Cloud:
        """The workspace, with progress reports to `reporter`."""
        poller = ArmPoller(self.arm, self.clock, local=self.local)
        locks = Locks(self._blobs, self.clock, reporter, local=self.local, longest=self.arm.timeouts.lock)
        locks.off = not self.locked
        return Cloud(self.workspace, self.stack, self.arm, poller, self._assets, self.clock, reporter, locks)

    @cached_property
    def _assets(self) -> AzureAssets:
        return AzureAssets(self.workspace, self.arm, self.azure)

    @cached_property
    def _blobs(self) -> LockBlobs:
        return LockBlobs(self.arm, self.workspace)

    def open_locks_ahead(self) -> None:
        """Begin to ask for what opens the blobs of locks; where that fails, whoever takes a lock asks again."""
        if self.locked:
            Task(self._blobs.opened)

    def require_login(self) -> None:
        """Raise `AccessDenied`, with a hint how to log in, where there is no login; the emulator needs none."""
        if not self.local:
            self.arm.credential.get_token(self.arm.scope)

    def entra_token(self) -> str:
        """An access token for endpoints whose `auth_mode` is `aad_token`."""
        return str(self.arm.credential.get_token(self.azure.scoring_scope).token)


def open_target(spec: StackSpec, *, local: bool, environ: MutableMapping[str, str]) -> Target:
    """Open Azure; with `local`, start the emulator if it is not running and create the spec's workspace in it."""
    SEEN.allow(to_values(spec))  # a plan shows what the spec says
    return _open_local(spec, environ) if local else _open_azure(spec, environ)


def _open_azure(spec: StackSpec, environ: Mapping[str, str]) -> Target:
    timeouts = read_timeouts(environ)
    azure = find_cloud(spec.cloud, environ)
    credential = CachingCredential(azure, environ)
    arm = Arm(azure.resource_manager, credential, scope=azure.management_scope, timeouts=timeouts)
    hub = Hub(environ.get("HF_ENDPOINT") or PUBLIC_HUB, timeouts=timeouts)
    return Target(_workspace(spec, local=False), spec.name, arm, hub, azure.machine_learning, SystemClock(), azure)


def _open_local(spec: StackSpec, environ: MutableMapping[str, str]) -> Target:
    profile = launcher.start(default_emulator_state(environ))
    settings = {
        "REQUESTS_CA_BUNDLE": str(profile.ca_bundle),
        "IDENTITY_ENDPOINT": profile.identity_endpoint,
        "IDENTITY_HEADER": "gatelift",
        **without_proxy(environ),
    }
    environ.update(settings)
    os.environ.update(settings)  # azure-identity and the SDK's storage clients read nothing else
    timeouts = read_timeouts(environ)
    own_ca = Path(profile.ca_bundle).with_name("ca.pem")  # without the public root certificates, which load slowly
    ca_bundle = str(own_ca if own_ca.exists() else profile.ca_bundle)
    arm = Arm(profile.resource_manager, CachingCredential(None), ca_bundle=ca_bundle, timeouts=timeouts)
    workspace = _workspace(spec, local=True)
    location = spec.workspace.location or DEFAULT_LOCATION
    _make_workspace(arm, workspace, location, profile.portal)
    if spec.catalog and spec.catalog.registry:
        _make_model_registry(arm, workspace, spec.catalog.registry, location)
    hub = Hub(profile.hub, local=True, timeouts=timeouts)
    own = {"resource_manager": arm.base_url, "authority": arm.base_url, "registry_discovery": arm.base_url}
    azure = replace(PUBLIC, name="the emulator", portal=profile.portal, known=False, **own)
    return Target(workspace, spec.name, arm, hub, profile.portal, SystemClock(), azure)


def without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a proxy of the machine out of the way to loopback; SDKs would send even that to it."""
    named = ",".join(filter(None, (environ.get("NO_PROXY"), environ.get("no_proxy"))))
    hosts = dict.fromkeys(
        [host.strip() for host in named.split(",") if host.strip() not in ("", "[::1]")] + list(LOOPBACK)
    )
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(hosts))


def _workspace(spec: StackSpec, *, local: bool) -> Workspace:
    where = spec.workspace
    return Workspace(where.subscription_id, where.resource_group, where.name, local=local)


def _make_workspace(arm: Arm, workspace: Workspace, location: str, url: str) -> None:
    """Create the spec's workspace in the emulator, unless its seed file lists the workspaces."""
    portal = Portal(url)  # so that Resource Manager gets the same requests as on Azure
    if workspace.id.lower() in (id.lower() for id in portal.get("workspaces")):
        return
    if portal.get("seed")["names_workspaces"]:
        raise NotFound(
            f"the workspace {workspace.name} is not in the resource group {workspace.resource_group} "
            f"of the subscription {workspace.subscription_id}",
            hint="the emulator's seed file lists other workspaces: correct `workspace` in the spec, or the seed file",
            code="ResourceNotFound",
        )
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}"
    arm.put(group, {"location": location}, api_version="2021-04-01")
    # A workspace of Azure's own portal gets its registry with the first image; with `--local` it has one at once.
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/cr{fingerprint(workspace.id.lower())}"
    arm.put(registry, {"location": location, "sku": {"name": "Standard"}}, api_version=REGISTRY_API)
    properties = {"containerRegistry": registry}
    arm.put(workspace.id, {"location": location, "identity": {"type": "SystemAssigned"}, "properties": properties})


def _make_model_registry(arm: Arm, workspace: Workspace, registry: str, location: str) -> None:
    """Create the spec's registry in the emulator, unless the subscription has it."""
    registries = f"/subscriptions/{workspace.subscription_id}/providers/{PROVIDER}/registries"
    known = {str(document["name"]).lower() for document in arm.list(registries)}
    if not registry.startswith("/") and registry.lower() not in known:
        group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}"
        body = {"location": location, "identity": {"type": "SystemAssigned"}, "properties": {}}
        arm.put(f"{group}/providers/{PROVIDER}/registries/{registry}", body)
