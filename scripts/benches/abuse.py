"""Compares `python -m scoring` with bare vLLM under overload, when processes die, and with hostile clients."""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from abusing import deaths, flood, hostile
from abusing.flood import Shape
from abusing.hostile import Row
from serving.about import about, say
from serving.matrix import ENGINES, models_dir
from serving.processes import Server, clean_up_at_sigterm

RUNNING, WAITING = 8, 8
# The same limit in the terms of each server: vLLM's includes both running and waiting requests.
QUEUE = {"bare": str(RUNNING + WAITING), "ours": str(WAITING)}
COMMON = [
    *("--served-model-name", "bench", "--max-model-len", "8192", "--enforce-eager", "--dtype", "float32"),
    *("--max-num-seqs", str(RUNNING)),
]
OURS = {"SCORING_GRACE_SECONDS": "5", "SCORING_HANG_SECONDS": "3"}
Act = Callable[[Server], Awaitable[Row]]
# The acts for one pair of servers; the last act ends the servers.
ACTS: dict[str, tuple[str, list[Act]]] = {
    "clients": (
        "null",
        [
            partial(hostile.client_leaves, stream=True),
            partial(hostile.client_leaves, stream=False),
            hostile.big_body,
            hostile.many_choices,
            hostile.deep_json,
            hostile.deep_enough,
            deaths.engine_hangs,
            deaths.terminated,
        ],
    ),
    "bytes": (
        "null",
        [
            hostile.long_name,
            hostile.endless_head,
            hostile.slow_head,
            hostile.pipelining,
            hostile.tokens_body,
            hostile.objects_body,
        ],
    ),
    "kill": ("null", [deaths.engine_killed]),
    "twice": ("null", [deaths.told_twice]),
    "model": ("random", [hostile.slow_readers, deaths.seeded, deaths.terminated_while_hung]),
}
PARTS = ["overload", *ACTS]
# What is compared: the program, and whether its requests may go to vLLM's Rust front.
ARMS = {
    "bare": ("bare", {}),
    "ours": ("ours", OURS),
    "ours, Python front": ("ours", {**OURS, "SCORING_FRONT": "python"}),
}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench abuse", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"comma-separated, of {','.join(PARTS)}")
    parser.add_argument("--arms", default="bare,ours", help=f"separated by commas, of {', '.join(ARMS)}")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the flood lasts (default 30)")
    parser.add_argument("--factor", type=int, default=10, help="clients for each admitted client (default 10)")
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds until a refused client asks again (default 1)"
    )
    parser.add_argument("--out", type=Path, default=None, help="folder for abuse.json, abuse.md and the logs")
    arguments = parser.parse_args()
    arguments.parts = arguments.parts.split(",")
    if not set(arguments.parts) <= set(PARTS):
        parser.error(f"--parts: choose from {','.join(PARTS)}")
    arguments.arms = [name for name in ARMS if name in re.split(r",(?! )", arguments.arms)]
    if not arguments.arms:
        parser.error(f"--arms: choose from {','.join(ARMS)}")
    return arguments


def main() -> None:
    """Run the parts, print their tables and write them to files."""
    arguments = parse_arguments()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="bench-abuse-"))
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    document: dict[str, Any] = {"about": about(" ".join(["scripts/bench abuse", *sys.argv[1:]]))}
    texts: list[str] = []
    if "overload" in arguments.parts:
        shape = Shape(RUNNING + WAITING, arguments.factor, arguments.seconds, arguments.pause)
        document["shape"], document["overload"] = asdict(shape), run_overload(shape, arguments.arms, out)
        texts.append(table(["", *document["overload"]], flood.rows(document["overload"])))
        say(texts[-1])
    document["deaths"] = [
        row for part in arguments.parts if part in ACTS for row in run_acts(part, arguments.arms, out)
    ]
    if document["deaths"]:
        columns = ["what", "server", "saw", "ready", "exit"]
        titles = ["what happens", "server", "what clients saw", "readiness", "process"]
        texts.append(table(titles, [[row.get(name, "–") for name in columns] for row in document["deaths"]]))
        say(texts[-1])
    document["about"]["seconds"] = round(time.monotonic() - began)
    (out / "abuse.json").write_text(json.dumps(document, indent=1))
    (out / "abuse.md").write_text("\n\n".join([json.dumps(document["about"]), *texts]) + "\n")
    say(f"\nwritten: {out}/abuse.md, {out}/abuse.json; {document['about']['seconds']} s in all")


def run_overload(shape: Shape, arms: list[str], out: Path) -> dict[str, Any]:
    """Flood the servers with the same arguments, then bare vLLM without a limit for its queue, its default."""
    found = {}
    for arm in [*arms, *(["bare, queue unbounded (its default)"] if "bare" in arms else [])]:
        server = build(arm.removesuffix(", queue unbounded (its default)"), "null", out, bounded=arm in ARMS)
        try:
            server.launch()
            server.wait_ready()
            found[arm] = asyncio.run(flood.overload(server, shape))
        finally:
            server.stop()
        say(f"{arm}: {json.dumps(found[arm])}")
    return found


def run_acts(part: str, arms: list[str], out: Path) -> list[Row]:
    """Start the servers and run the acts of a part on each, one after the other."""
    engine, acts = ACTS[part]
    servers = {arm: build(arm, engine, out) for arm in arms}
    found = []
    try:
        for server in servers.values():
            server.launch()
        for server in servers.values():
            server.wait_ready()
        for act in acts:
            for arm, server in servers.items():
                if server.process is None or server.process.poll() is not None:
                    continue
                row = {"server": arm, **asyncio.run(act(server))}  # type: ignore[arg-type]
                found.append(row)
                say(json.dumps(row, ensure_ascii=False))
    finally:
        for server in servers.values():
            server.stop()
    return found


def build(arm: str, engine: str, out: Path, *, bounded: bool = True) -> Server:
    """Return a server that is not started yet; its log lies in `out`."""
    kind, environ = ARMS[arm]
    folder, extra = ENGINES[engine]
    queue = ["--max-num-queued-reqs", QUEUE[kind]] if bounded else []
    arguments = ["--model", str(models_dir() / folder), *COMMON, *queue, *extra]
    log = out / f"{len(list(out.glob('*.log')))}-{arm.replace(', ', '-').replace(' ', '-')}.log"
    log.touch()
    return Server(kind, arguments, log, extra_environment=environ)


def table(titles: list[str], lines: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [titles, ["---"] * len(titles), *lines])


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()
