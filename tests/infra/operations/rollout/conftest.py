"""Stacks whose containers stream answers and count them, well or badly, and clients that ask meanwhile."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.operations.connect import ConnectInfo
from infra.operations.status import status
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.planning.plan import Plan
from infra.reporter import Silent
from infra.spec.model import StackSpec

SLO = {"ttft_p95": "300ms", "gap_p95": "200ms", "error_rate": "1%"}
STEPS = ["rollout: 5 %", "rollout: 25 %", "rollout: 100 %"]


class Killed(Exception):
    """Ends an `up` at a certain phase, wherever that is."""


class KilledAt(Silent):
    """A reporter with which the command dies once a phase begins, or ends."""

    def __init__(self, kind: str, *, begun: bool) -> None:
        self.kind, self.begun = kind, begun

    def phase_started(self, kind: str, name: str) -> None:
        if self.begun and kind == self.kind:
            raise Killed

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        if not self.begun and kind == self.kind:
            raise Killed

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        self.phase_finished(kind, name, seconds)


def endpoint(bench: Any, spec: StackSpec) -> dict[str, Any]:
    return dict(status(spec, bench.target(spec))["endpoint"])


def new_one(plan: Plan) -> str:
    return next(change.name for change in plan.changes if change.kind == "deployment")


def reason(plan: Plan) -> str:
    return next(change.reason for change in plan.changes if change.kind == "traffic")


class Clients:
    """Ask the endpoint as clients do until they are stopped.

    `failed` counts the answers that were none, `elsewhere` those of them that the failing version did not give itself.
    """

    def __init__(self, info: ConnectInfo, number: int = 2) -> None:
        self.info = info
        self.asked = self.failed = self.elsewhere = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(number)]

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self.info.api_key}"}
        with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
            while not self._over.is_set():
                body = {"model": "", "messages": [{"role": "user", "content": "?"}]}
                answer = client.post(f"{self.info.base_url}/chat/completions", json=body)
                with self._lock:
                    self.asked += 1
                    self.failed += answer.status_code != 200
                    self.elsewhere += answer.status_code != 200 and "the version is broken" not in answer.text
                self._over.wait(0.03)

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture
def bench(bench: Any) -> Any:
    bench.sources = Sources(Path(__file__).parent / "container", bundled("environments") / "vllm")
    return bench


@pytest.fixture
def version(bench: Any) -> Callable[..., StackSpec]:
    """The spec of a stack with a version of its container, rolled out in steps."""

    def version(stack: str, version: str, **rollout: Any) -> StackSpec:
        limits = SLO | rollout.pop("slo", {})
        steps = {"canary": [5, 25, 100], "pause": "0s", "slo": limits, **rollout}
        variables = {"environment_variables": {"VERSION": version}}
        spec: StackSpec = bench.spec(f"steps-{stack}", model={"id": "org/open"}, deployment=variables, rollout=steps)
        return spec

    return version


@pytest.fixture
def clients() -> Callable[[ConnectInfo], Clients]:
    """Begins to ask an endpoint, as a context manager."""
    return Clients
