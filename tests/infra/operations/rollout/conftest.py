"""Stacks whose containers stream answers and count them, well or badly, and clients that ask meanwhile."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.operations.connect import ConnectInfo
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.spec.model import StackSpec

SLO = {"ttft_p95": "300ms", "gap_p95": "200ms", "error_rate": "1%"}


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
        steps = {"canary": [5, 25, 100], "pause": "1s", "slo": SLO, **rollout}
        variables = {"environment_variables": {"VERSION": version}}
        spec: StackSpec = bench.spec(stack, model={"id": "org/open"}, deployment=variables, rollout=steps)
        return spec

    return version


@pytest.fixture
def clients() -> Callable[[ConnectInfo], Clients]:
    """Begins to ask an endpoint, as a context manager."""
    return Clients
