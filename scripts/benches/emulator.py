"""Measures the emulator: its start, requests per second, what its front end adds, streams, a large state.

Everything is measured several times, in turn with what it is compared with; prints medians, with the lowest and the
highest value in brackets.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulating.client import Connection, rate, request
from provision import Bench
from serving.processes import clean_up_at_sigterm

from infra.emulator import launcher

CONTAINER = Path(__file__).parent / "emulating" / "container"
CONNECTIONS, REQUESTS = 16, 1000
QUESTION = json.dumps({"messages": []}).encode()
STREAMED = json.dumps({"messages": [], "stream": True}).encode()


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 2) -> str:
    low, middle, high = (f"{v * scale:.{digits}f}" for v in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}-{high})"


def say(what: str, found: str, wanted: str = "") -> None:
    print(f"{what:58} {found:28} {wanted}", flush=True)  # noqa: T201


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starts(rounds: int, folder: Path) -> None:
    """The start with a new state folder and with a known one, compared with `import azure.ai.ml`."""
    first, again, cpu, sdk = [], [], [], []
    for number in range(rounds):
        for times in (first, again):
            began = time.perf_counter()
            profile = launcher.start(folder / f"start-{number}")
            times.append(time.perf_counter() - began)
            cpu.append(cpu_of(profile.pid))
            launcher.stop(folder / f"start-{number}")
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import azure.ai.ml"], check=True, capture_output=True)
        sdk.append(time.perf_counter() - began)
    say("start, new state folder (s)", spread(first), "<= 1")
    say("start, known state folder (s)", spread(again), "<= 1")
    say("  its CPU until it answers (s)", spread(cpu))
    say("  beside: import azure.ai.ml (s)", spread(sdk))


class Arm:
    """Requests to Resource Manager with the owner's token."""

    def __init__(self, bench: Bench) -> None:
        self.profile = bench.profile
        self.token = bench.owner_token()
        scope = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/gatelift"
        self.workspace = f"{scope}/providers/Microsoft.MachineLearningServices/workspaces/local"

    def elsewhere(self, number: int) -> tuple[str, str]:
        """The ids of a resource group and a workspace in another subscription; Azure allows 100 endpoints in each."""
        group = f"/subscriptions/00000000-0000-0000-0000-{number + 2:012}/resourceGroups/gatelift"
        return group, f"{group}/providers/Microsoft.MachineLearningServices/workspaces/local"

    def prepared(self, method: str, id: str, body: Any = None, version: str = "2024-04-01") -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = json.dumps(body).encode() if body is not None else b""
        return request(method, f"{self.profile.resource_manager}{id}?api-version={version}", headers, content)

    async def rate(self, id: str, requests: int = REQUESTS) -> float:
        ca = str(Path(self.profile.state) / "ca.pem")
        url = self.profile.resource_manager
        return await rate(url, ca, self.prepared("GET", id), connections=CONNECTIONS, requests=requests)


async def requests_in_a_second(arm: Arm, rounds: int, endpoint: str) -> list[float]:
    rates, cpu = [], []
    for _ in range(rounds):
        before = cpu_of(arm.profile.pid)
        rates.append(await arm.rate(endpoint))
        cpu.append((cpu_of(arm.profile.pid) - before) / REQUESTS)
    say(f"GET of an endpoint, {CONNECTIONS} connections (1/s)", spread(rates, digits=0), ">= 500")
    say("  its CPU for one (ms)", spread(cpu, 1000))
    return rates


async def front_end(bench: Bench, arm: Arm, rounds: int, name: str) -> None:
    """The same request to the container directly and through the front end, in turn; then many streams."""
    key, uri = bench.key_and_uri(name)
    port = next(item["port"] for item in bench.tell("instances") if name in item["deployment"])
    direct = f"http://127.0.0.1:{port}/v1/chat/completions"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    near, through = await Connection.open(direct), await Connection.open(uri)
    added, plain, cpu = [], [], []
    for _ in range(rounds):
        before = cpu_of(arm.profile.pid)
        times: dict[str, list[float]] = {direct: [], uri: []}
        for _ in range(200):
            for url, connection in ((direct, near), (uri, through)):
                began = time.perf_counter()
                status = await connection.ask(request("POST", url, headers, QUESTION))
                times[url].append(time.perf_counter() - began)
                if status != 200:
                    raise SystemExit(f"{url} answered {status}")
        cpu.append((cpu_of(arm.profile.pid) - before) / len(times[uri]))
        plain.append(statistics.median(times[direct]))
        added.append(statistics.median(times[uri]) - plain[-1])
    say("front end adds, p50 (ms)", spread(added, 1000), "<= 2")
    say("  its CPU for one (ms)", spread(cpu, 1000))
    say("  beside: the container itself, p50 (ms)", spread(plain, 1000))
    for clients in (1, 256):
        firsts, walls, whole = {direct: [], uri: []}, {direct: [], uri: []}, True
        for _ in range(rounds):
            for url in (direct, uri):
                opened = [await Connection.open(url) for _ in range(clients)]
                began = time.perf_counter()
                found = await asyncio.gather(*(one.stream(request("POST", url, headers, STREAMED)) for one in opened))
                walls[url].append(time.perf_counter() - began)
                firsts[url].append(statistics.median(first for _, first, _ in found))
                whole = whole and all(status == 200 and events == 20 for status, _, events in found)
                for one in opened:
                    one.close()
        say(
            f"{clients} streams at once, first event p50 (ms)",
            spread(firsts[uri], 1000, 0),
            "all whole" if whole else "CUT",
        )
        say("  beside: from the container itself (ms)", spread(firsts[direct], 1000, 0))
        say("  20 events in 100 ms steps, through / direct (s)", f"{spread(walls[uri])} / {spread(walls[direct])}")


async def large_state(bench: Bench, arm: Arm, rounds: int, name: str, endpoints: int, before: list[float]) -> None:
    """The same requests with many endpoints, and the start with all of them."""
    place = {"location": "eastus"}
    body = {**place, "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key"}}
    ca = str(Path(arm.profile.state) / "ca.pem")
    opened = [await Connection.open(arm.profile.resource_manager, ca) for _ in range(4)]
    for number in range(0, endpoints, 100):
        group, workspace = arm.elsewhere(number // 100)
        for prepared in (
            arm.prepared("PUT", group, place, "2021-04-01"),
            arm.prepared("PUT", workspace, {**place, "identity": {"type": "SystemAssigned"}, "properties": {}}),
        ):
            if (status := await opened[0].ask(prepared)) not in (200, 201):
                raise SystemExit(f"PUT of a workspace answered {status}")
    left = iter(range(endpoints))
    made: list[float] = []

    async def make(connection: Connection) -> None:
        for number in left:
            began = time.perf_counter()
            id = f"{arm.elsewhere(number // 100)[1]}/onlineEndpoints/many-{number}"
            status = await connection.ask(arm.prepared("PUT", id, body))
            made.append(time.perf_counter() - began)
            if status not in (200, 201):
                raise SystemExit(f"PUT of an endpoint answered {status}")

    await asyncio.gather(*(make(connection) for connection in opened))
    for connection in opened:
        connection.close()
    began = cpu_of(arm.profile.pid)
    after = [await arm.rate(f"{arm.workspace}/onlineEndpoints/{name}") for _ in range(rounds)]
    spent = (cpu_of(arm.profile.pid) - began) / rounds / REQUESTS
    slower = [one / other for one, other in zip(before, after, strict=False)]
    say(f"GET of an endpoint among {endpoints} (1/s)", spread(after, digits=0))
    say("  slower than before by the factor", spread(slower), "<= 2")
    say("  its CPU for one (ms)", f"{spent * 1000:.2f}")
    tenth = max(1, len(made) // 10)
    factor = statistics.median(made[-tenth:]) / statistics.median(made[:tenth])
    say("PUT of an endpoint: the last tenth beside the first", f"{factor:.2f}", "<= 2")


def starts_again(bench: Bench, rounds: int, endpoints: int) -> None:
    took = []
    for _ in range(rounds):
        launcher.stop(Path(bench.profile.state))
        began = time.perf_counter()
        profile = launcher.start(Path(bench.profile.state))
        took.append(time.perf_counter() - began)
    memory = Path(f"/proc/{profile.pid}/status").read_text().partition("VmRSS:")[2].split()[0]
    say(f"start with {endpoints} endpoints (s)", spread(took))
    say("  its memory then (MiB)", f"{int(memory) / 1024:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--endpoints", type=int, default=1000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gatelift-bench-"))
    bench = Bench(folder, latency=0, operation=0, container=CONTAINER, concurrency=512)
    try:
        starts(options.rounds, folder)
        bench.run("raw ARM", "up, new", "bench")
        arm = Arm(bench)
        endpoint = f"{arm.workspace}/onlineEndpoints/bench"
        rates = asyncio.run(requests_in_a_second(arm, options.rounds, endpoint))
        asyncio.run(front_end(bench, arm, options.rounds, "bench"))
        asyncio.run(large_state(bench, arm, options.rounds, "bench", options.endpoints, rates))
        starts_again(bench, min(3, options.rounds), options.endpoints)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()
