"""Opens the target of a stack: its workspace and Hub, on Azure or, with `--local`, on the emulator."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.arm import Arm
from infra.azure.azure_clouds import PUBLIC, AzureCloud, find_cloud
from infra.azure.cloud import Cloud
from infra.azure.image_builds import REGISTRY_API
from infra.azure.locks.leases import Locks
from infra.azure.login import CachingCredential
from infra.azure.poller import ArmPoller
from infra.azure.prices.currency import read_currency
from infra.azure.prices.prices import Prices, open_prices
from infra.azure.storage.assets import AzureAssets
from infra.azure.storage.lock_blobs import LockBlobs
from infra.azure.storage.records import FOLDER, Records
from infra.azure.workspace import PROVIDER, Workspace
from infra.clock import Clock, SystemClock
from infra.digests import fingerprint
from infra.emulator import launcher
from infra.errors import NotFound
from infra.hub.access import Hub
from infra.hub.refusals import PUBLIC_HUB
from infra.hub_behind import hub_behind, is_offline, tell_hub_behind
from infra.parallel import Task
from infra.paths import default_emulator_state
from infra.portal import Portal
from infra.proxies import refuse_unusable_proxies
from infra.redaction import SEEN
from infra.reporter import Reporter, Silent
from infra.spec.model import StackSpec, WorkspaceSpec, to_values
from infra.timeouts import read_timeouts

DEFAULT_LOCATION = "eastus"
MIRROR = "GATELIFT_MIRROR"  # `stream` or nothing
LOOPBACK = ("127.0.0.1", "localhost", "::1")  # httpx fails on `[::1]`
WhenAbsent = Literal["make", "allow", "refuse"]


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
    streamed: bool = False
    """Whether a mirror's files pass through this machine, where all of them are hashed."""
    environ: Mapping[str, str] = field(default_factory=dict)
    prices_url: str | None = None
    """Where the emulator has its Retail Prices API; None for Azure's own."""
    currency: str = "USD"
    """The currency of the prices."""

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
        return Cloud(
            self.workspace, self.stack, self.arm, poller, self._assets, self.clock, reporter, locks, self._records
        )

    @cached_property
    def prices(self) -> Prices:
        """What instances cost."""
        public = self.local or self.azure == PUBLIC
        return open_prices(self.environ, url=self.prices_url, currency=self.currency, clock=self.clock, public=public)

    @cached_property
    def _assets(self) -> AzureAssets:
        return AzureAssets(self.workspace, self.arm, self.portal, streamed=self.streamed)

    @cached_property
    def _blobs(self) -> LockBlobs:
        return LockBlobs(self.arm, self.workspace)

    @cached_property
    def _records(self) -> Records:
        return Records(LockBlobs(self.arm, self.workspace, FOLDER))

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


def open_target(
    spec: StackSpec,
    *,
    local: bool,
    environ: MutableMapping[str, str],
    absent: WhenAbsent = "refuse",
    currency: str | None = None,
) -> Target:
    """Open Azure; with `local`, start the emulator if it is not running.

    `absent` says what happens where the emulator lacks the spec's workspace: it is made, it is allowed (for a command
    that only says what `up` would do), or it is refused, as Azure would, with `NotFound`. `currency` is that of prices;
    without it `GATELIFT_CURRENCY` says which.
    """
    shown_in = read_currency(environ, currency)
    SEEN.allow(to_values(spec))  # a plan shows what the spec says
    place = _Place(spec.workspace, spec.name, spec.cloud, (spec.catalog and spec.catalog.registry) or "")
    target = _open_local(place, environ, absent) if local else _open_azure(place, environ)
    return dataclasses.replace(target, streamed=environ.get(MIRROR) == "stream", environ=environ, currency=shown_in)


def open_workspace(
    where: WorkspaceSpec, *, local: bool, environ: MutableMapping[str, str], currency: str | None = None
) -> Target:
    """Open a workspace like `open_target`, for a command that is about no stack of its own."""
    shown_in = read_currency(environ, currency)
    place = _Place(where)
    target = _open_local(place, environ, "refuse") if local else _open_azure(place, environ)
    return dataclasses.replace(target, environ=environ, currency=shown_in)


class _Place(Struct, frozen=True):
    """What of a spec says where a stack is."""

    workspace: WorkspaceSpec
    stack: str = ""
    cloud: str | None = None
    registry: str = ""


def _open_azure(place: _Place, environ: Mapping[str, str]) -> Target:
    refuse_unusable_proxies(environ)
    timeouts = read_timeouts(environ)
    azure = find_cloud(place.cloud, environ)
    credential = CachingCredential(azure, environ)
    arm = Arm(azure.resource_manager, credential, scope=azure.management_scope, timeouts=timeouts)
    hub = Hub(environ.get("HF_ENDPOINT") or PUBLIC_HUB, timeouts=timeouts, offline=is_offline(environ))
    return Target(_workspace(place, local=False), place.stack, arm, hub, azure.machine_learning, SystemClock(), azure)


def _open_local(place: _Place, environ: MutableMapping[str, str], absent: WhenAbsent) -> Target:
    profile = launcher.start(default_emulator_state(environ))
    if absent != "refuse":  # the commands that can come before all others; before the environment is changed
        tell_hub_behind(profile.portal, hub_behind(environ, own_hub=profile.hub, own_bundle=profile.ca_bundle))
    settings = {
        "REQUESTS_CA_BUNDLE": str(profile.ca_bundle),
        "IDENTITY_ENDPOINT": profile.identity_endpoint,
        "IDENTITY_HEADER": "gatelift",
        **without_proxy(environ),
    }
    environ.update(settings)
    os.environ.update(settings)  # azure-identity and azure-storage-blob read nothing else
    timeouts = read_timeouts(environ)
    own_ca = Path(profile.ca_bundle).with_name("ca.pem")  # without the public root certificates, which load slowly
    ca_bundle = str(own_ca if own_ca.exists() else profile.ca_bundle)
    arm = Arm(profile.resource_manager, CachingCredential(None), ca_bundle=ca_bundle, timeouts=timeouts)
    workspace = _workspace(place, local=True)
    if not _exists(workspace, profile.portal, absent):
        location = place.workspace.location or DEFAULT_LOCATION
        if absent == "make":
            _make_workspace(arm, workspace, location)
        else:
            _make_group(arm, workspace, location)  # Azure's answers about what is in a missing group are errors
            workspace = replace(workspace, location=location, absent=True)
    if place.registry:  # on Azure a registry is there before any stack, as the group is
        _make_model_registry(arm, workspace, place.registry, place.workspace.location or DEFAULT_LOCATION)
    hub = Hub(profile.hub, local=True, timeouts=timeouts)
    azure = replace(PUBLIC, name="the emulator", resource_manager=arm.base_url, authority=arm.base_url, known=False)
    target = Target(workspace, place.stack, arm, hub, profile.portal, SystemClock(), azure)
    return dataclasses.replace(target, prices_url=prices_at(profile.portal))


def prices_at(portal: str) -> str:
    """Where the emulator with this portal has its Retail Prices API."""
    return f"{portal}/api/retail/prices"


def without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a proxy of the machine out of the way to loopback; SDKs would send even that to it."""
    named = ",".join(filter(None, (environ.get("NO_PROXY"), environ.get("no_proxy"))))
    hosts = dict.fromkeys(
        [host.strip() for host in named.split(",") if host.strip() not in ("", "[::1]")] + list(LOOPBACK)
    )
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(hosts))


def _workspace(place: _Place, *, local: bool) -> Workspace:
    where = place.workspace
    return Workspace(where.subscription_id, where.resource_group, where.name, local=local)


def _exists(workspace: Workspace, url: str, absent: WhenAbsent) -> bool:
    """Whether the emulator has the workspace; raises `NotFound` where it has not and may not get it."""
    portal = Portal(url)  # so that Resource Manager gets the same requests as on Azure
    if workspace.id.lower() in (id.lower() for id in portal.get("workspaces")):
        return True
    seeded = portal.get("seed")["names_workspaces"]
    if absent != "refuse" and not seeded:
        return False
    where = f"resource group {workspace.resource_group} of the subscription {workspace.subscription_id}"
    raise NotFound(
        f"there is no workspace {workspace.name} in the {where} in the emulator",
        hint="the emulator's seed file lists other workspaces: correct `workspace` in the spec, or the seed file"
        if seeded
        else "correct `workspace` in the spec; `gatelift up --local` makes the workspace of its spec",
        code="workspace_not_found",
    )


def _make_group(arm: Arm, workspace: Workspace, location: str) -> str:
    """Create the workspace's resource group in the emulator, and return its id."""
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}"
    arm.put(group, {"location": location}, api_version="2021-04-01")
    return group


def _make_workspace(arm: Arm, workspace: Workspace, location: str) -> None:
    """Create the workspace in the emulator."""
    group = _make_group(arm, workspace, location)
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
