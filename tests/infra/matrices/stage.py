"""An emulator, and processes that run commands on it and can be stopped at a request or killed."""

import json
import multiprocessing
import os
import shutil
import signal
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx

from infra.emulator import launcher
from tests.infra.matrices.child import Report, work

GOOD, OTHER = "hf_goodtoken001", "hf_othertoken02"
SEED: dict[str, Any] = {
    "quota": {"eastus": {"standardNCADSA100v4Family": 100_000}},
    "hub": {
        "tokens": [{"value": value, "user": "reader", "role": "read", "gated_repos": True} for value in (GOOD, OTHER)],
        "repos": [
            {"id": "org/gated", "gated": "manual", "files": {"config.json": "{}"}, "access": {"reader": "accepted"}}
        ],
    },
}
# Imported once, in the server that forks the children, since it would take each of them seconds.
PRELOADED = [
    "tests.infra.matrices.child",
    "infra.azure.storage.uploads",
    "azure.storage.blob",
    "azure.identity",
]
PRELOADED += ["httpx", "infra.azure.arm", "infra.emulator.launcher"]
LONGEST = 120.0
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


class Run:
    """One process that runs a command."""

    def __init__(self, process: Any, answer: Connection) -> None:
        self.process = process
        self._answer = answer

    def kill(self) -> Report:
        """Kill the process, as `kill -9` does."""
        with suppress(ProcessLookupError):  # it has ended; then the case says that it never got there
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        return Report(killed=True)

    def over(self) -> bool:
        """Whether it has sent its report."""
        return self._answer.poll()

    def report(self, longest: float = LONGEST) -> Report:
        """Wait for the process to end; returns its report. One that takes too long is killed and reported as stuck."""
        try:
            if self._answer.poll(longest):
                found: Report = self._answer.recv()
                self.process.join()
                return found
        except EOFError:
            return Report(unexpected="the process ended without a word")
        self.kill()
        return Report(unexpected=f"stuck: no end after {longest:.0f} s")


class Stage:
    """An emulator with its own state folder, on which commands run one after the other."""

    def __init__(self, folder: Path, name: str = "m", **environ: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        self._name, self._count, self._ahead = name, 0, 0
        self._environ = {"GATELIFT_EMULATOR_STATE": str(self.state), **environ}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "seed.json").write_text(json.dumps(SEED), encoding="utf-8")
        self.profile = launcher.start(self.state, seed=folder / "seed.json")
        self._trusted = ssl.create_default_context(cafile=self.profile.ca_bundle)
        self._portal = httpx.Client(base_url=self.profile.portal, trust_env=False, timeout=30)

    def close(self) -> None:
        """Stop the emulator and everything it started."""
        self._portal.close()
        launcher.stop(self.state)
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_spec(self, **changes: Any) -> dict[str, Any]:
        """A stack of its own, in a resource group of its own."""
        self._count += 1
        name = f"{self._name}{self._count}"
        return {
            "name": name,
            "model": {"id": "org/gated"},
            "workspace": {"subscription_id": SUBSCRIPTION, "resource_group": f"group-{name}", "name": f"ws-{name}"},
            "endpoint": {"name": f"{name}-endpoint"},
            "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
            "catalog": {"invisible_until": "2026-01-16T00:00:00.000Z"},
            **changes,
        }

    def begin(self, verb: str, spec: dict[str, Any], token: str | None = GOOD, **environ: str) -> Run:
        """Start a command in a new process; the locks of earlier ones, which may have been killed, are over."""
        self.next_minute()
        return self.join(verb, spec, token, **environ)

    def next_minute(self) -> None:
        """Set the storage service's clock a minute ahead: the locks of commands that were killed are over."""
        self._ahead += 61
        self._portal.put("/settings", json={"storage_clock_seconds_ahead": self._ahead}).raise_for_status()

    def join(self, verb: str, spec: dict[str, Any], token: str | None = GOOD, **environ: str) -> Run:
        """Start a command in a new process while others run."""
        mine, theirs = self._context.Pipe()
        folder = self.folder / "runs" / spec["name"]
        folder.mkdir(parents=True, exist_ok=True)
        arguments = (verb, spec, token, {**self._environ, **environ}, folder, theirs)
        process = self._context.Process(target=work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return Run(process, mine)

    def run(self, verb: str, spec: dict[str, Any], token: str | None = GOOD, **environ: str) -> Report:
        """Run a command and wait for its report."""
        return self.begin(verb, spec, token, **environ).report()

    def output(self, spec: dict[str, Any]) -> str:
        """What the commands of a stack have printed so far."""
        path = self.folder / "runs" / spec["name"] / "output.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def clear_away(self, spec: dict[str, Any]) -> None:
        """Delete the stack's endpoint, so that its processes end, and ignore errors."""
        self.faults()
        self.arm("DELETE", spec)
        wait_for("gone", lambda: not self.instances(spec))

    def endpoint(self, spec: dict[str, Any]) -> tuple[str, str]:
        """The scoring URI of the stack's endpoint, and its key."""
        uri = self.arm("GET", spec).json()["properties"]["scoringUri"]
        return uri, self.arm("POST", spec, "/listKeys").json()["primaryKey"]

    def arm(self, method: str, spec: dict[str, Any], below: str = "", body: Any = None) -> httpx.Response:
        """Send a request about the stack's endpoint to Resource Manager."""
        where = spec["workspace"]
        url = (
            f"{self.profile.resource_manager}/subscriptions/{SUBSCRIPTION}/resourceGroups/{where['resource_group']}/"
            f"providers/Microsoft.MachineLearningServices/workspaces/{where['name']}/onlineEndpoints/"
            f"{spec['endpoint']['name']}{below}?api-version=2024-04-01"
        )
        query = {"api-version": "2019-08-01", "resource": "https://management.azure.com"}
        identity = {"X-IDENTITY-HEADER": "x"}
        given = httpx.get(self.profile.identity_endpoint, params=query, headers=identity, trust_env=False).json()
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        return httpx.request(method, url, headers=headers, json=body, verify=self._trusted, trust_env=False, timeout=30)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace all fault rules by these."""
        self._portal.put("/faults", json=list(rules)).raise_for_status()

    def rules(self) -> list[dict[str, Any]]:
        """The fault rules, with how often each has been applied."""
        return list(self._portal.get("/faults").raise_for_status().json())

    def instances(self, spec: dict[str, Any]) -> list[dict[str, Any]]:
        """The processes of the stack's deployments."""
        found = self._portal.get("/instances").raise_for_status().json()
        return [one for one in found if f"/group-{spec['name']}/".lower() in one["deployment"].lower()]

    def operations(self, spec: dict[str, Any], kind: str = "") -> list[dict[str, Any]]:
        """All long-running operations of the stack so far, in order."""
        found = self._portal.get("/operations").raise_for_status().json()
        mine = [one for one in found if f"/group-{spec['name']}/".lower() in one["resource"].lower()]
        return sorted((one for one in mine if kind in ("", one["kind"])), key=lambda one: str(one["startTime"]))


def wait_for(what: str, done: Callable[[], Any], run: Run | None = None, longest: float = 60.0) -> str:
    """Wait until the condition holds; returns an empty text, or why it will not hold."""
    deadline = time.monotonic() + longest
    while not done():
        if run is not None and run.over():
            return f"ended before {what}"
        if time.monotonic() > deadline:
            return f"never {what}"
        time.sleep(0.01)
    return ""
