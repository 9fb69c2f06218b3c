"""Runs the matrix: the servers of all arms run side by side and are measured in turn, A B A B."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from serving.client import Plan
from serving.matrix import Cell, server_arguments
from serving.processes import REPO, Server
from serving.statistics import summarise

Rows = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Arm:
    """One of the compared servers: a label, the program, and additional environment variables."""

    label: str
    kind: str
    environment: dict[str, str] = field(default_factory=dict)


def parse_arm(text: str, seen: Iterable[str]) -> Arm:
    """Parse `bare`, `ours` or `ours:NAME=VALUE,…`; the label of an arm that is named twice is `… again`."""
    kind, _, variables = text.partition(":")
    environment = dict(pair.split("=", 1) for pair in variables.split(",") if pair)
    label = text
    while label in seen:
        label += " again"
    return Arm(label, kind, environment)


def start_servers(
    arms: list[Arm], group: tuple[str, bool], logs: Path, say: Callable[[str], None]
) -> dict[str, Server]:
    """Start one server for each arm, one after the other."""
    servers: dict[str, Server] = {}
    try:
        for arm in arms:
            log = logs / f"{group[0]}-{'parsers' if group[1] else 'plain'}-{len(servers)}-{arm.kind}.log"
            server = Server(arm.kind, server_arguments(group), log, extra_environment=arm.environment)
            servers[arm.label] = server
            server.launch()
            started = server.wait_ready()
            say(f"{arm.label}: {asdict(started)}")
    except BaseException:
        stop_servers(servers)
        raise
    return servers


def stop_servers(servers: dict[str, Server]) -> None:
    """Stop all servers."""
    for server in servers.values():
        server.stop()


def run_matrix(
    cells: Iterable[Cell], arms: list[Arm], rounds: int, logs: Path, say: Callable[[str], None]
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Measure every cell; return one document for each cell, and the peak memory of each arm."""
    results: list[dict[str, Any]] = []
    peaks: dict[str, float] = {}
    for group, members in groupby(cells, key=lambda cell: cell.group):
        servers = start_servers(arms, group, logs, say)
        try:
            for server in servers.values():
                measure(server, Cell(group[0], "chat", True, 16, 32))
            for cell in members:
                results.append(run_cell(cell, servers, rounds, say))
            for label, server in servers.items():
                peaks[label] = max(peaks.get(label, 0.0), server.peak_mib())
        finally:
            stop_servers(servers)
    return results, peaks


def run_cell(cell: Cell, servers: dict[str, Server], rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure one cell, all arms in turn, `rounds` times."""
    rows: Rows = {label: [] for label in servers}
    for number in range(rounds):
        order = list(servers) if number % 2 == 0 else list(reversed(servers))
        for label in order:
            rows[label].append(measure(servers[label], cell))
    say(cell.name)
    for label, found in rows.items():
        say("  " + _line(label, found))
    return {"cell": asdict(cell), "name": cell.name, "rounds": rows}


def measure(server: Server, cell: Cell) -> dict[str, float]:
    """Run one plan against one server in a client process of its own."""
    plan = Plan("127.0.0.1", server.port, "/v1/chat/completions", cell.bodies(), cell.requests, cell.concurrency)
    before = server.cpu_seconds()
    measured = run_client(plan)
    after = server.cpu_seconds()
    if measured["errors"]:
        raise SystemExit(f"{server.kind}, {cell.name}: {measured['errors']} errors: {measured['first_error']}")
    return summarise(measured, cell.tokens, cell.requests, (after[0] - before[0], after[1] - before[1]))


def run_client(plan: Plan) -> dict[str, Any]:
    """Run a plan in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "serving.client"],
        input=json.dumps(asdict(plan)).encode(),
        stdout=subprocess.PIPE,
        cwd=REPO / "scripts" / "benches",
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _line(label: str, rows: list[dict[str, float]]) -> str:
    def middle(name: str) -> float:
        return sorted(row[name] for row in rows)[len(rows) // 2]

    return (
        f"{label:28} {middle('requests_per_second'):7.2f} req/s  first token {middle('ttft_p50'):7.1f} /"
        f" {middle('ttft_p95'):7.1f} ms  gap {middle('gap_p50'):6.1f} / {middle('gap_p95'):6.1f} ms"
        f"  CPU {middle('http_cpu_ms'):6.2f} / {middle('all_cpu_ms'):6.2f} ms/req"
        f"  events/token {middle('events_per_token'):.2f}  client {middle('client_cpu_share'):.2f} of a core"
    )


def run_starts(
    arms: list[Arm], engine: str, repeats: int, logs: Path, say: Callable[[str], None]
) -> dict[str, list[dict[str, float]]]:
    """Start each arm's server alone, in turn, `repeats` times."""
    found: dict[str, list[dict[str, float]]] = {arm.label: [] for arm in arms}
    for number in range(repeats):
        for arm in arms if number % 2 == 0 else list(reversed(arms)):
            log = logs / f"start-{engine}-{number}-{arm.label.replace(' ', '-').replace(':', '-')}.log"
            server = Server(arm.kind, server_arguments((engine, False)), log, extra_environment=arm.environment)
            try:
                server.launch()
                row = asdict(server.wait_ready())
                row |= {"peak_mib": server.peak_mib(), "start_cpu": server.cpu_seconds()[1]}
            finally:
                server.stop()
            found[arm.label].append(row)
            say(f"start {engine} {arm.label:28} " + "  ".join(f"{name} {value:.2f}" for name, value in row.items()))
    return found
