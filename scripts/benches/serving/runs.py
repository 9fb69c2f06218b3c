"""Runs the cells: the servers of all arms run side by side and are measured in turn, A B C, then C B A."""

import statistics
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from serving.client import Client, Load, LoadFailed, first_error, held_back, measures
from serving.matrix import LONG_PROMPT, LONG_PROMPTS, LONG_RATE, Cell, server_arguments, tokenizer
from serving.processes import Server

Row = dict[str, float]
Say = Callable[[str], None]
TRIES = 5  # to measure a round without a request that the client has held back


@dataclass(frozen=True)
class Arm:
    """One of the compared servers: a label, the program, and additional environment variables."""

    label: str
    kind: str
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What is compared, how often, with which client; logs go to its folder."""

    arms: list[Arm]
    rounds: int
    client: Client
    say: Say

    def server(self, arm: Arm, group: tuple[str, bool], log: str) -> Server:
        """Return an arm's server for a group of cells, not started."""
        path = self.client.folder / f"{log}-{group[0]}{'-parsers' if group[1] else ''}-{self.arms.index(arm)}.log"
        return Server(arm.kind, server_arguments(group), path, extra_environment=arm.environment)


def parse_arms(text: str) -> list[Arm]:
    """Parse `bare`, `rust`, `ours` and `ours:NAME=VALUE,…`, split by `;`; one that is named twice is `… again`."""
    arms: list[Arm] = []
    for label in text.split(";"):
        kind, _, variables = label.partition(":")
        if kind not in ("bare", "rust", "ours"):
            raise SystemExit(f"--arms {label}: choose from bare, rust, ours, ours:NAME=VALUE")
        while label in [arm.label for arm in arms]:
            label += " again"
        arms.append(Arm(label, kind, dict(pair.split("=", 1) for pair in variables.split(",") if pair)))
    return arms


def run_cells(bench: Bench, cells: Iterable[Cell]) -> dict[str, Any]:
    """Measure every cell; return the rounds of each, and each arm's starts and peak memory in MiB."""
    found: dict[str, Any] = {"cells": [], "starts": {}, "peak_mib": {}}
    for group, members in groupby(cells, key=lambda cell: cell.group):
        with running(bench, group, found["starts"]) as servers:
            for server in servers.values():
                bench.client.run(_load(Cell(group[0], concurrency=16, tokens=32), server, 0))
            found["cells"] += [_run_cell(bench, cell, servers) for cell in members]
            for label, server in servers.items():
                found["peak_mib"][label] = max(found["peak_mib"].get(label, 0.0), server.peak_mib())
    return found


def run_starts(bench: Bench, engines: Iterable[str]) -> dict[str, dict[str, list[Row]]]:
    """Start each arm's server alone, in turn, once in each round."""
    found: dict[str, dict[str, list[Row]]] = {}
    for engine in engines:
        for number in range(bench.rounds):
            for arm in _turn(bench.arms, number):
                server = bench.server(arm, (engine, False), f"start-{number}")
                try:
                    found.setdefault(engine, {}).setdefault(arm.label, []).append(_start(bench, arm.label, server))
                finally:
                    server.stop()
    return found


@contextmanager
def running(bench: Bench, group: tuple[str, bool], starts: dict[str, Any]) -> Iterator[dict[str, Server]]:
    """Start the server of every arm for a group of cells, note how that went in `starts`, and stop them at the end."""
    servers = {arm.label: bench.server(arm, group, "server") for arm in bench.arms}
    try:
        for label in _turn(list(servers), int(group[1])):
            row = _start(bench, label, servers[label])
            starts.setdefault(group[0], {}).setdefault(label, []).append(row)
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def _start(bench: Bench, label: str, server: Server) -> Row:
    server.launch()
    row = asdict(server.wait_ready())
    row |= {"peak_mib": server.peak_mib(), "start_cpu": sum(server.cpu_seconds().values())}
    bench.say(f"start {label:28} " + "  ".join(f"{name} {value:.2f}" for name, value in row.items()))
    return row


def _run_cell(bench: Bench, cell: Cell, servers: dict[str, Server]) -> dict[str, Any]:
    rows: dict[str, list[Row]] = {label: [] for label in servers}
    thrown: dict[str, int] = dict.fromkeys(servers, 0)
    for number in range(bench.rounds):
        for label in _turn(list(servers), number):
            for seed in range(TRIES * number, TRIES * (number + 1)):
                row, held = _measure(bench.client, cell, servers[label], seed)
                if not held:
                    break
                thrown[label] += 1
            rows[label].append(row)
    bench.say(cell.name)
    for label, found in rows.items():
        bench.say(f"  {label:28} {_line(found)}" + (f"  {thrown[label]} rounds thrown away" if thrown[label] else ""))
    return {"cell": asdict(cell), "name": cell.name, "rounds": rows, "thrown_away": thrown}


def _turn(things: list[Any], number: int) -> list[Any]:
    return things if number % 2 == 0 else things[::-1]


def _measure(client: Client, cell: Cell, server: Server, seed: int) -> tuple[Row, int]:
    """Put a cell's load on a server; return what was measured, and how many requests the client held back."""
    beside = _start_long_prompts(client, server, seed) if cell.workload == "beside" else None
    before = server.cpu_seconds()
    try:
        document = client.run(_load(cell, server, seed))
    finally:
        if beside:
            beside.terminate()
            beside.communicate()
    after = server.cpu_seconds()
    if error := first_error(document):
        raise LoadFailed(f"{server.kind}, {cell.name}: {error}")
    cpu = {f"{name}_cpu_ms": (after[name] - before[name]) * 1000 / cell.requests for name in after}
    row = measures(document) | cpu | {"front_cpu_ms": cpu["own_cpu_ms"] + cpu["rust_cpu_ms"]}
    return row, held_back(document)


def _start_long_prompts(client: Client, server: Server, seed: int) -> Any:
    """Start to send long prompts at random times, enough of them to outlast the short streams."""
    load = Load(server.url, tokenizer("null"), LONG_PROMPTS, rate=LONG_RATE, prompt=LONG_PROMPT, tokens=1, seed=seed)
    return client.start(load)


def _load(cell: Cell, server: Server, seed: int) -> Load:
    return Load(
        url=server.url,
        tokenizer=tokenizer(cell.engine),
        requests=cell.requests,
        concurrency=cell.concurrency,
        prompt=cell.prompt,
        tokens=cell.tokens,
        stream=cell.mode == "stream",
        seed=seed,
        body=cell.body,
    )


def _line(rows: list[Row]) -> str:
    def middle(name: str) -> float:
        return statistics.median(row[name] for row in rows)

    return (
        f"{middle('requests_per_second'):7.2f} req/s"
        f"  first token {middle('ttft_p50'):7.1f} / {middle('ttft_p95'):7.1f} / {middle('ttft_p99'):7.1f} ms"
        f"  gap {middle('gap_p50'):6.1f} / {middle('gap_p95'):6.1f} / {middle('gap_p99'):6.1f} ms"
        f"  answer {middle('latency_p50'):7.1f} ms"
        f"  CPU own {middle('own_cpu_ms'):5.2f}, vllm-rs {middle('rust_cpu_ms'):5.2f},"
        f" engine {middle('engine_cpu_ms'):5.2f} ms/req"
    )
