"""One emulator for the tests of the operations, and stacks on it with a container that starts at once."""

import gc
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.azure.target import Target, open_target
from infra.emulator import launcher
from infra.operations.down import down
from infra.operations.up import UpResult, up
from infra.planning.desired import Sources
from infra.planning.plan import Plan
from infra.planning.prepare import prepare
from infra.reporter import Silent
from infra.spec.model import StackSpec, spec_from

GOOD = "hf_goodtoken001"
TOKENS = {
    GOOD: {"user": "reader", "role": "read", "gated_repos": True},
    "hf_secondtoken2": {"user": "reader", "role": "read", "gated_repos": True},
    "hf_strangertok3": {"user": "stranger", "role": "read", "gated_repos": True},
    "hf_waitingtok04": {"user": "waiting", "role": "read", "gated_repos": True},
    "hf_rejectedtok5": {"user": "rejected", "role": "read", "gated_repos": True},
    "hf_finegrained6": {"user": "reader", "role": "fineGrained", "gated_repos": False},
}
LORA = {"adapter_config.json": '{"base_model_name_or_path": "org/whole"}', "adapter_model.safetensors": "low rank"}
ACCESS = {"reader": "accepted", "waiting": "pending", "rejected": "rejected"}
WHOLE = {"config.json": "{}", "README.md": "x", "model.safetensors": "weights"}
SEED: dict[str, Any] = {
    "quota": {"eastus": {"standardNCADSH100v5Family": 40, "standardNCADSA100v4Family": 100_000}},
    "hub": {
        "tokens": [{"value": value, **rest} for value, rest in TOKENS.items()],
        "repos": [
            {"id": "org/gated", "gated": "manual", "files": WHOLE, "access": ACCESS},
            {"id": "org/open", "gated": False, "files": WHOLE},
            {
                "id": "org/grown",
                "history": [{"config.json": '{"first": 1}'}],
                "files": {"config.json": "{}"},
                "branches": {"dev": {"config.json": '{"dev": 1}'}},
                "tags": {"v1.0": "main~1"},
            },
            {
                "id": "org/whole",
                "gated": "manual",
                "access": ACCESS,
                "files": {"config.json": "{}", "model.safetensors": "the weights", "README.md": "x", "model.bin": "y"},
            },
            {"id": "org/lora", "gated": False, "files": LORA},
            {"id": "org/plain", "gated": False, "files": {"config.json": "{}", "model.safetensors": "weights"}},
        ],
    },
}
SET_BY_LOCAL = ("REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "NO_PROXY", "no_proxy")


class Phases(Silent):
    """A reporter that remembers the phases that ended."""

    def __init__(self) -> None:
        self.finished: list[str] = []
        self.notes: list[str] = []

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        self.finished.append(kind)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Bench:
    """Stacks on one emulator: `spec` creates one, and the other methods do what the commands do."""

    def __init__(self, environ: dict[str, str], sources: Sources) -> None:
        self.environ = environ
        self.sources = sources

    def spec(self, name: str, /, **changes: dict[str, Any]) -> StackSpec:
        values: dict[str, Any] = {
            "name": name,
            "model": {"id": "org/gated"},
            "workspace": {
                "subscription_id": "00000000-0000-0000-0000-000000000001",
                "resource_group": "group",
                "name": f"ws-{name}",
            },
            "endpoint": {"name": f"{name}-endpoint"},
            "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
            "catalog": {"invisible_until": "2026-01-16T00:00:00.000Z"},
        }
        for section, change in changes.items():
            values[section] = {**values.get(section, {}), **change}
        return spec_from(values)

    def target(self, spec: StackSpec) -> Target:
        return open_target(spec, local=True, environ=self.environ, absent="make")

    def plan(self, spec: StackSpec, token: str | None = GOOD) -> Plan:
        return prepare(spec, self.target(spec), token=token, sources=self.sources).plan

    def up(
        self,
        spec: StackSpec,
        token: str | None = GOOD,
        phases: Phases | None = None,
        plan: Plan | None = None,
    ) -> UpResult:
        target = self.target(spec)
        prepared = prepare(spec, target, token=token, sources=self.sources, with_credential=True)
        return up(prepared, target, reporter=phases or Phases(), agreed=plan)

    def let_leases_end(self) -> None:
        """Set the storage service's clock a minute ahead, so that the locks of killed commands are over."""
        url = f"{launcher.start(Path(self.environ['GATELIFT_EMULATOR_STATE'])).portal}/settings"
        ahead = httpx.get(url, trust_env=False).json()["storage_clock_seconds_ahead"]
        changes = {"storage_clock_seconds_ahead": ahead + 61}
        httpx.put(url, json=changes, trust_env=False).raise_for_status()

    def down(self, spec: StackSpec, *, weights: bool = False) -> dict[str, str]:
        changes = down(spec, self.target(spec), reporter=Silent(), weights=weights)
        return {change.kind: str(change.action) for change in changes}


@pytest.fixture(scope="session")
def emulator_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("emulator")
    seed = folder / "seed.json"
    seed.write_text(json.dumps(SEED), encoding="utf-8")
    state = folder / "state"
    portal = launcher.start(state, seed=seed).portal
    more = {"endpoints_per_subscription": 10_000}  # all these tests together make more than Azure allows
    more["monitor_speed"] = 0  # nothing scales by itself while a test looks at it
    httpx.put(f"{portal}/settings", json=more, trust_env=False).raise_for_status()
    yield state
    launcher.stop(state)


@pytest.fixture
def bench(emulator_state: Path, sources: Sources) -> Iterator[Bench]:
    before = {name: os.environ.get(name) for name in SET_BY_LOCAL}
    yield Bench({"GATELIFT_EMULATOR_STATE": str(emulator_state)}, sources)
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    gc.collect()  # an error's traceback keeps the connections of its target open until then


@pytest.fixture
def phases() -> Phases:
    return Phases()


@pytest.fixture
def actions() -> Callable[[Plan], dict[str, str]]:
    return lambda plan: {change.kind: str(change.action) for change in plan.changes if str(change.action) != "none"}


@pytest.fixture
def pair(bench: Bench) -> Callable[[str], tuple[StackSpec, StackSpec]]:
    """The specs of two stacks in one workspace, with the same model, connection and catalog entry."""

    def pair(name: str) -> tuple[StackSpec, StackSpec]:
        workspace = {"name": f"ws-{name}"}
        return bench.spec(f"{name}-a", workspace=workspace), bench.spec(f"{name}-b", workspace=workspace)

    return pair
