"""Where a stack goes: Azure, or the emulator on this machine; the one place that tells them apart."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.azure.cloud import Cloud, Tick, WorkspaceAddress
from infra.clock import Clock, SystemClock
from infra.errors import GateliftError, NotFound, NotReady, SpecError, still_running
from infra.http_client import Web
from infra.hub.access import PUBLIC_HUB, Hub
from infra.paths import default_emulator_state
from infra.reporter import Reporter, Silent
from infra.spec.model import StackSpec
from infra.timeouts import read_patience

if TYPE_CHECKING:
    from infra.azure.arm import Arm, Operation, Progress
    from infra.azure.sdk import Aml

AZURE = "https://management.azure.com"
MANAGEMENT_SCOPE = f"{AZURE}/.default"
PATIENCE_LOCAL = 5.0  # seconds without an answer of the emulator while an operation runs
SLICE = 0.2
LOCAL_PAUSE = 0.25


@dataclass(frozen=True)
class Target:
    """The endpoints and the clock that everything runs against."""

    local: bool
    resource_manager: str
    hub: str
    portal: str
    clock: Clock
    arm: Arm
    workspace: WorkspaceAddress | None = None
    stack: str = ""
    ca_bundle: str | None = None
    _sdk: dict[str, Aml] = field(default_factory=dict, repr=False, compare=False)

    @property
    def cloud(self) -> Cloud:
        """The spec's workspace, for work that nobody watches."""
        return self.cloud_for(Silent())

    @property
    def hub_access(self) -> Hub:
        """The Hub, real or emulated."""
        return Hub(self.hub, local=self.local, patience=self.arm.patience)

    def cloud_for(self, reporter: Reporter) -> Cloud:
        """The spec's workspace; progress goes to `reporter`."""
        if self.workspace is None:
            raise SpecError("this needs a spec with a workspace")
        return Cloud(
            workspace=self.workspace,
            management=self.arm,
            open_sdk=lambda: self.sdk,
            wait=self.wait,
            wait_for_running=self.wait_for_running,
            begin_delete=self.arm.begin_delete,
            begin_patch=self.arm.begin_patch,
            begin_put=self.arm.begin_put,
            upload=self._upload,
            clock=self.clock,
            reporter=reporter,
            stack=self.stack,
            local=self.local,
            patience=self.arm.patience,
        )

    def require_login(self) -> None:
        """Raise `AccessDenied`, which says how to log in, before anything else is asked; the emulator needs none."""
        if not self.local:
            self.arm.credential.get_token(MANAGEMENT_SCOPE)

    @property
    def sdk(self) -> Aml:
        """azure-ai-ml for the workspace; made once, imported when it is used."""
        if "aml" not in self._sdk:
            from infra.azure.sdk import Aml

            assert self.workspace is not None  # noqa: S101 cloud_for has checked it
            self._sdk["aml"] = Aml(self.workspace, self.arm, local=self.local, portal=self.portal)
        return self._sdk["aml"]

    def wait(self, operation: Operation, tick: Tick) -> None:
        """Poll an operation to its end; raises what it ended with."""
        longest = self.arm.patience.operation
        deadline = self.clock.now() + longest
        while not (progress := self._poll(operation, tick)).done:
            if self.clock.now() > deadline:
                raise still_running(operation.resource_id.rpartition("/")[2], longest)
            pause = min(progress.pause, LOCAL_PAUSE) if self.local else progress.pause
            until = min(self.clock.now() + pause, deadline + SLICE)
            while (left := until - self.clock.now()) > 0:
                self.clock.sleep(min(left, SLICE))  # in slices, so that Ctrl-C is heard
                tick()
        if progress.error:
            raise progress.error

    def _poll(self, operation: Operation, tick: Tick) -> Progress:
        """Ask how far it is; a network that is gone for a while ends no operation, and so no waiting either."""
        lost: float | None = None
        while True:
            try:
                return self.arm.poll(operation)
            except NotReady:
                lost = self.clock.now() if lost is None else lost
                if self.clock.now() - lost >= (PATIENCE_LOCAL if self.local else self.arm.patience.network):
                    raise
            self.clock.sleep(1)
            tick()

    def wait_for_running(self, document: Mapping[str, Any], tick: Tick) -> None:
        """Wait for what an earlier run began on this resource, however it ends."""
        from infra.azure.arm import Operation

        noted = document.get("properties", {}).get("properties") or {}
        url = str(noted.get("AzureAsyncOperationUri") or "")
        try:
            self.wait(Operation(document["id"], url if self.arm.serves(url) else "", earlier=True), tick)
        except GateliftError as error:
            if error.code == "no_connection":
                raise
        self.wait(Operation(document["id"], earlier=True), tick)

    def _upload(self, sas_uri: str, folder: Path) -> None:
        from infra.azure.uploads import upload_folder

        upload_folder(sas_uri, folder, ca_bundle=self.ca_bundle, patience=self.arm.patience)


def open_target(spec: StackSpec | None, *, local: bool, environ: MutableMapping[str, str]) -> Target:
    """Azure's endpoints, or with `local` the emulator's: started if none runs, with the spec's workspace in it."""
    return _open_local(spec, environ) if local else _open_azure(spec, environ)


def address(spec: StackSpec) -> WorkspaceAddress:
    """The workspace that a spec names."""
    return WorkspaceAddress(spec.workspace.subscription_id, spec.workspace.resource_group, spec.workspace.name)


def _open_azure(spec: StackSpec | None, environ: Mapping[str, str]) -> Target:
    from infra.azure.arm import Arm
    from infra.azure.login import CachingCredential

    return Target(
        local=False,
        resource_manager=AZURE,
        hub=environ.get("HF_ENDPOINT") or PUBLIC_HUB,
        portal="https://ml.azure.com",
        clock=SystemClock(),
        arm=Arm(AZURE, CachingCredential(local=False), patience=read_patience(environ)),
        workspace=address(spec) if spec else None,
        stack=spec.name if spec else "",
    )


def _open_local(spec: StackSpec | None, environ: MutableMapping[str, str]) -> Target:
    from infra.azure.arm import Arm
    from infra.azure.login import CachingCredential
    from infra.emulator import launcher

    profile = launcher.start(default_emulator_state(environ))
    settings = {
        "REQUESTS_CA_BUNDLE": str(profile.ca_bundle),
        "IDENTITY_ENDPOINT": profile.identity_endpoint,
        "IDENTITY_HEADER": "gatelift",
    }
    environ.update(settings)
    os.environ.update(settings)  # azure-identity and the SDK's storage clients read nothing else
    credential, patience = CachingCredential(local=True), read_patience(environ)
    own = Path(profile.ca_bundle).with_name("ca.pem")  # without the public roots, which take long to read
    ca_bundle = str(own if own.exists() else profile.ca_bundle)
    arm = Arm(profile.resource_manager, credential, ca_bundle=ca_bundle, patience=patience)
    if spec is not None:
        _make_workspace(arm, address(spec), spec.workspace.location or "eastus", profile.portal)
    return Target(
        local=True,
        resource_manager=profile.resource_manager,
        hub=profile.hub,
        portal=profile.portal,
        clock=SystemClock(),
        arm=arm,
        workspace=address(spec) if spec else None,
        stack=spec.name if spec else "",
        ca_bundle=str(profile.ca_bundle),
    )


def _make_workspace(arm: Arm, workspace: WorkspaceAddress, location: str, portal: str) -> None:
    """The real workspace's name must work on this machine, too, unless a seed file says which workspaces there are."""
    there = Web().send("GET", f"{portal}/workspaces")  # not of Resource Manager, which is not asked on Azure
    if there.status != 200:
        hint = "`gatelift emulator stop`: the next command starts one, with the same state"
        raise NotReady("the emulator that runs here is of another version of gatelift", hint=hint, code="old_emulator")
    if workspace.id.lower() in (id.lower() for id in there.json()):
        return
    if Web().send("GET", f"{portal}/seed").json()["names_workspaces"]:
        raise NotFound(
            f"the workspace {workspace.name} is not in the resource group {workspace.resource_group} "
            f"of the subscription {workspace.subscription_id}",
            hint="the emulator's seed file names other workspaces: correct `workspace` in the spec, or the seed",
            code="ResourceNotFound",
        )
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}"
    arm.put(group, {"location": location}, api_version="2021-04-01")
    arm.put(workspace.id, {"location": location, "identity": {"type": "SystemAssigned"}, "properties": {}})
