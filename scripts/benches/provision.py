"""Compares `plan` and `up` with a script that uses azure-ai-ml and with raw Resource Manager; many stacks at once.

All use an emulator that answers after 120 ms, takes 3 s for a long-running operation and runs the container of the
tests. The three take turns, and every run is a new process with nothing imported.
"""

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from serving.processes import clean_up_at_sigterm  # noqa: E402

from infra.emulator import launcher  # noqa: E402
from infra.http_client import Web  # noqa: E402

HERE = Path(__file__).parent / "provisioning"
PACKAGE = ROOT / "infra"
CONTAINER = ROOT / "tests" / "infra" / "container"
TOKEN = "hf_benchtoken0001"  # noqa: S105 one of our own emulator
SEED: dict[str, Any] = {
    "quota": {"eastus": {"standardNCADSA100v4Family": 1_000_000}},
    "hub": {
        "tokens": [{"value": TOKEN, "user": "bench", "role": "read", "gated_repos": True}],
        "repos": [
            {"id": "org/gated", "gated": "manual", "files": {"config.json": "{}"}, "access": {"bench": "accepted"}}
        ],
    },
}
SPEC = """\
name: {name}
model: {{id: org/gated}}
workspace: {{subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: gatelift, name: local}}
endpoint: {{name: {name}}}
token: {{connection: {name}}}
deployment: {{instance_type: Standard_NC24ads_A100_v4}}
catalog: {{name: {name}}}
environment: {{image: "{image}"}}
"""
IMAGE = "ghcr.io/gatelift/gatelift-vllm@sha256:" + "0" * 64  # ready: a build is no part of what is measured
ROUTES = {"liveness": "/health/live", "readiness": "/health/ready", "scoring": "/v1/chat/completions"}
ARMS = ("gatelift", "azure-ai-ml", "raw ARM")
VERBS = ("up, new", "up, converged", "plan, converged")


@dataclass(frozen=True)
class Run:
    """The measurements of one process."""

    wall: float
    cpu: float
    requests: int


class Bench:
    """One emulator and the three ways to create a stack on it."""

    def __init__(
        self, folder: Path, latency: float, operation: float, container: Path = CONTAINER, concurrency: int = 64
    ) -> None:
        self.folder, self.container, self.concurrency = folder, container, concurrency
        compileall.compile_dir(PACKAGE, quiet=2)  # as pip does when it installs a package
        seed = folder / "seed.json"
        seed.write_text(json.dumps(SEED))
        self.profile = launcher.start(folder / "state", seed=seed)
        self.tell("settings", {"operation_seconds": operation})
        self.tell("faults", [{"delay": latency}] if latency else [])
        (folder / "card").mkdir()
        (folder / "card" / "README.md").write_text("# A card\n")
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GATELIFT_EMULATOR_STATE": str(folder / "state"),
            "HF_TOKEN": TOKEN,
            "IDENTITY_ENDPOINT": self.profile.identity_endpoint,
            "IDENTITY_HEADER": "gatelift",
            "REQUESTS_CA_BUNDLE": self.profile.ca_bundle,
        }

    def run(self, arm: str, verb: str, name: str) -> Run:
        """Run one process to its end and measure it."""
        command = verb.partition(",")[0]
        if arm == "gatelift":
            spec = self.folder / f"{name}.yaml"
            spec.write_text(SPEC.format(name=name, image=IMAGE))
            called = [str(HERE / "gatelift.py"), str(self.container), command, str(spec), "--local"]
        else:
            called = [str(HERE / {"azure-ai-ml": "sdk.py", "raw ARM": "raw.py"}[arm]), command, self._job(name)]
        return self._measured(called)

    def many(self, count: int) -> dict[str, Any]:
        """Run that many stacks in one process."""
        answer = self._checked([str(HERE / "many.py"), str(count), str(self.container)])
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def close(self) -> None:
        launcher.stop(self.folder / "state")

    def _measured(self, called: list[str]) -> Run:
        asked, before, began = self._requests(), os.times(), time.perf_counter()
        self._checked(called)
        wall, after = time.perf_counter() - began, os.times()
        cpu = after[2] + after[3] - before[2] - before[3]
        return Run(wall, cpu, self._requests() - asked)

    def _checked(self, called: list[str]) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run([sys.executable, *called], env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(called)[:200]} ended with {done.returncode}\n{done.stderr[-3000:]}")
        return done

    def _job(self, name: str) -> str:
        routes = {kind: {"path": path, "port": 5001} for kind, path in ROUTES.items()}
        job = {
            "resource_manager": self.profile.resource_manager,
            "ca_bundle": self.profile.ca_bundle,
            "identity_endpoint": self.profile.identity_endpoint,
            "subscription_id": "00000000-0000-0000-0000-000000000001",
            "resource_group": "gatelift",
            "workspace": "local",
            "name": name,
            "image": IMAGE,
            "card": str(self.folder / "card"),
            "code": str(self.container),
            "concurrency": self.concurrency,
            "instance_type": "Standard_NC24ads_A100_v4",
            "routes": {
                "snake": {f"{kind}_route": route for kind, route in routes.items()},
                "camel": {f"{kind}Route": route for kind, route in routes.items()},
            },
            "connection": {
                "category": "CustomKeys",
                "authType": "CustomKeys",
                "target": "_",
                "isSharedToAll": True,
                "metadata": {},
                "credentials": {"keys": {"HF_TOKEN": TOKEN}},
            },
            "variables": {"HF_TOKEN": f"${{{{azureml://connections/{name}/credentials/HF_TOKEN}}}}"},
            "question": {"messages": [{"role": "user", "content": "?"}]},
        }
        return json.dumps(job)

    def _requests(self) -> int:
        return int(self.tell("counters")["arm_requests"])

    def tell(self, what: str, body: Any = None) -> Any:
        """Send a request to the emulator's portal."""
        return self._json(f"{self.profile.portal}/{what}", body, method="GET" if body is None else "PUT")

    def owner_token(self) -> str:
        """An access token for the owner of the emulator's subscription."""
        query = "?api-version=2019-08-01&resource=https://management.azure.com"
        answer = self._json(self.profile.identity_endpoint + query, headers={"X-IDENTITY-HEADER": "gatelift"})
        return str(answer["access_token"])

    def key_and_uri(self, name: str) -> tuple[str, str]:
        """The endpoint's key and scoring URI."""
        scope = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/gatelift"
        id = f"{scope}/providers/Microsoft.MachineLearningServices/workspaces/local/onlineEndpoints/{name}"
        headers = {"Authorization": f"Bearer {self.owner_token()}", "Content-Type": "application/json"}
        url, query = self.profile.resource_manager + id, "?api-version=2024-04-01"
        keys = self._json(f"{url}/listKeys{query}", {}, method="POST", headers=headers)
        return keys["primaryKey"], self._json(url + query, headers=headers)["properties"]["scoringUri"]

    def _json(
        self, url: str, body: Any = None, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Any:
        web = Web(ca_bundle=self.profile.ca_bundle)
        content = None if body is None else json.dumps(body).encode()
        answer = web.send(method, url, headers=headers, body=content)
        if answer.status >= 400:
            raise SystemExit(f"{url} answered {answer.status}: {answer.text()[:300]}")
        return answer.json()


def compare(bench: Bench, rounds: int, arms: list[str]) -> dict[str, dict[str, list[Run]]]:
    """Measure every command of every arm, in turn; every other round runs in reverse order."""
    found: dict[str, dict[str, list[Run]]] = {verb: {arm: [] for arm in arms} for verb in VERBS}
    for number in range(rounds):
        for verb in VERBS:
            for arm in arms if number % 2 == 0 else reversed(arms):
                name = f"{arm.replace(' ', '-').lower()}-{number}"
                found[verb][arm].append(bench.run(arm, verb, name))
                sys.stderr.write(f"round {number + 1}: {verb:16} {arm:12} {found[verb][arm][-1].wall:6.2f} s\n")
    return found


def say(found: dict[str, dict[str, list[Run]]]) -> None:
    columns = f"{'wall s':>7} {'min':>6} {'max':>6} {'cpu s':>6} {'requests':>8}"
    print(f"{'':16} {'':12} {columns}  to raw ARM (lowest, highest)")  # noqa: T201
    for verb, arms in found.items():
        for arm, runs in arms.items():
            walls = [run.wall for run in runs]
            ratios = [run.wall / raw.wall for run, raw in zip(runs, arms.get("raw ARM", []), strict=False)]
            beside = f"{statistics.median(ratios):5.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else ""
            cpu, asked = (statistics.median(getattr(run, field) for run in runs) for field in ("cpu", "requests"))
            print(  # noqa: T201
                f"{verb:16} {arm:12} {statistics.median(walls):7.2f} {min(walls):6.2f} {max(walls):6.2f}"
                f" {cpu:6.2f} {asked:8.0f}  {beside}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default 5; 0 skips the comparison)")
    parser.add_argument("--arms", default=",".join(ARMS), help=f"which of {', '.join(ARMS)}")
    parser.add_argument(
        "--stacks", default="", metavar="1,10,50", help="numbers of stacks to run at once in one process"
    )
    parser.add_argument(
        "--latency", type=float, default=0.12, help="seconds by which every answer of Resource Manager is delayed"
    )
    parser.add_argument("--operation", type=float, default=3.0, help="duration of a long-running operation in seconds")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gatelift-bench-"))
    bench = Bench(folder, options.latency, options.operation)
    try:
        if options.rounds:
            say(compare(bench, options.rounds, options.arms.split(",")))
        for count in [int(number) for number in options.stacks.split(",") if number]:
            found = bench.many(count)
            print(json.dumps({key: round(value, 2) for key, value in found.items()}))  # noqa: T201
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()
