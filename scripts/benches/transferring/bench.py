"""An emulator, a model of some size, and the measurements of the ways into its storage."""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.azure.storage.datastore import workspace_container
from infra.azure.storage.transfer.blocks import COPIED, SENT
from infra.azure.target import Target, open_target
from infra.emulator import launcher
from infra.http_client import Web
from infra.spec.model import spec_from

ARM = Path(__file__).with_name("arm.py")
MIB = 1 << 20
REPO = "org/bench"
SPEC = {
    "name": "bench",
    "model": {"id": REPO},
    "workspace": {"subscription_id": "0" * 8 + "-0000-0000-0000-000000000001", "resource_group": "g", "name": "bench"},
    "endpoint": {"name": "bench"},
    "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
}
BLOCKS = [{"method": "PUT", "path": "comp=block(&|$)", "delay": 0}]


def read_options(about: str | None) -> argparse.Namespace:
    """The options of a comparison: how many rounds, and how large the model is."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("--megabytes", type=int, default=2048, help="size of the model (default 2048)")
    parser.add_argument("--shards", type=int, default=4, help="files of which it is (default 4)")
    return parser.parse_args()


@dataclass(frozen=True)
class Run:
    """One process: its wall-clock time in seconds and its peak memory in MB."""

    wall: float
    peak: float


def write_shards(folder: Path, megabytes: int, shards: int) -> None:
    """Write a model of so many files, no two blocks of which are alike."""
    folder.mkdir(parents=True)
    base = random.Random(0).randbytes(MIB)  # noqa: S311  no secrets
    for shard in range(shards):
        with (folder / f"model-{shard}.safetensors").open("wb") as file:
            for part in range(megabytes // shards):
                file.write(f"{shard:08}{part:08}".encode() + base[16:])
    (folder / "config.json").write_text("{}")


class Transfers:
    """The emulator with the workspace; with `hub`, the model is on the Hub of a second one."""

    def __init__(self, folder: Path, megabytes: int, shards: int, *, hub: bool) -> None:
        self.folder, self.total = folder, megabytes * MIB
        self.source = folder / "model"
        write_shards(self.source, megabytes, shards)
        seed = folder / "seed.json"
        seed.write_text(json.dumps({"hub": {"repos": [{"id": REPO, "folder": "model"}] if hub else []}}))
        self.profile = launcher.start(folder / "state", seed=seed)
        self.hub = self.profile.hub
        if hub:  # of another process, as the Hub is elsewhere
            self.hub = launcher.start(folder / "hub", seed=seed).hub
            Web(read=600).send("GET", f"{self.hub}/api/models/{REPO}?blobs=true")  # it hashes them now
        self.from_hub = hub
        self.target: Target = open_target(
            spec_from(SPEC), local=True, environ={"GATELIFT_EMULATOR_STATE": str(folder / "state")}, absent="make"
        )
        self._count = 0

    def run(self, arm: str, *, name: str = "", share: float = 0) -> Run:
        """Send the model in a new process, which at a share of the bytes kills itself."""
        self._count += 1
        job = self._job(arm, name or f"run-{self._count}", share)
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, ARM, arm], stdin=subprocess.PIPE, env=environ, stdout=subprocess.DEVNULL
        )
        assert process.stdin  # noqa: S101  it is a pipe
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if process.returncode and not share:
            raise SystemExit(f"{arm} ended with {process.returncode}")
        if not name:
            self._clear()
        return Run(wall, used.ru_maxrss / 1024)

    def interrupted(self, share: float, arm: str = "gatelift") -> tuple[float, Run]:
        """MB that were sent twice where the process was killed at a share of the bytes, and the run that went on."""
        name, sent = f"killed-{share}", 0
        for run_share in (share, 0.0):
            self._tell_faults(BLOCKS)
            went_on = self.run(arm, name=name, share=run_share)
            sent += self._tell_faults([])
        self._clear()
        each = COPIED if self.from_hub and "streamed" not in arm else SENT
        return (sent * each - self.total) / 1e6, went_on

    def _tell_faults(self, rules: list[dict[str, Any]]) -> int:
        """Replace the fault rules; returns how often the first one struck before."""
        url = f"{self.profile.portal}/faults"
        before = Web().send("GET", url, headers={"Accept": "application/json"}).json()
        Web().send("PUT", url, body=json.dumps(rules).encode())
        return int(before[0]["struck"]) if before else 0

    @property
    def emulator_peak(self) -> float:
        """The peak memory of the emulator, whose storage took everything, in MB."""
        lines = Path(f"/proc/{self.profile.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def close(self) -> None:
        """Stop the emulators."""
        for state in ("state", "hub"):
            launcher.stop(self.folder / state)

    def _job(self, arm: str, name: str, share: float) -> dict[str, Any]:
        source = self.folder / "downloaded" if self.from_hub else self.source
        shutil.rmtree(self.folder / "downloaded", ignore_errors=True)
        shutil.rmtree(self.folder / "cache", ignore_errors=True)  # every run hashes anew
        opened = workspace_container(self.target.arm, self.target.workspace)
        return {
            "spec": SPEC,
            "state": str(self.folder / "state"),
            "cache": str(self.folder / "cache"),
            "resource_manager": self.profile.resource_manager,
            "hub": self.hub,
            "repo": REPO if self.from_hub else "",
            "source": str(source),
            "container": f"{opened.url}?{opened.signature}",
            "name": name,
            "share": share,
            "streamed": "streamed" in arm,
        }

    def _clear(self) -> None:
        """Remove what a run has sent, so that the next one finds nothing and the disk stays free."""
        from azure.storage.blob import ContainerClient

        opened = workspace_container(self.target.arm, self.target.workspace)
        with ContainerClient.from_container_url(f"{opened.url}?{opened.signature}") as container:
            for blob in list(container.list_blobs()):
                container.delete_blob(blob.name)


def compare(bench: Transfers, rounds: int, arms: Sequence[str]) -> dict[str, list[Run]]:
    """Run every arm, in turn; every other round in reverse order."""
    found: dict[str, list[Run]] = {arm: [] for arm in arms}
    for number in range(rounds):
        for arm in arms if number % 2 == 0 else reversed(arms):
            found[arm].append(bench.run(arm))
            run = found[arm][-1]
            sys.stderr.write(f"round {number + 1}: {arm:22} {run.wall:6.1f} s, {run.peak:5.0f} MB\n")
    return found


def say(found: dict[str, list[Run]], total: int, write: Callable[[str], None]) -> None:
    """A line for each arm: seconds, rate, peak memory, and its time in relation to the first arm's."""
    write(f"{'':22} {'wall s':>7} {'MB/s':>6} {'peak MB':>8}  time to {next(iter(found))} (lowest, highest)")
    first = next(iter(found.values()))
    for arm, runs in found.items():
        wall = statistics.median(run.wall for run in runs)
        ratios = [run.wall / ours.wall for run, ours in zip(runs, first, strict=True)]
        peak = max(run.peak for run in runs)
        beside = f"{statistics.median(ratios):5.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        write(f"{arm:22} {wall:7.1f} {total / wall / 1e6:6.0f} {peak:8.0f}  {beside}")
