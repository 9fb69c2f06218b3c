"""Overload: many times more clients than the server admits, compared with exactly as many."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from serving.processes import Server

from abusing.client import Answer, Connection, chat, post
from abusing.watch import memory
from infra.load.summary import percentile


@dataclass(frozen=True)
class Shape:
    """The load on a server."""

    admitted: int
    factor: int = 10
    seconds: float = 30.0
    pause: float = 1.0  # what a refused client waits before it asks again
    tokens: int = 32


@dataclass
class Crowd:
    """What the clients of one run received; times are in milliseconds."""

    first: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    refusal: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0

    def note(self, answer: Answer) -> bool:
        """Count an answer; return whether it was a refusal."""
        if answer.status == 200 and not answer.broken and answer.events[-1:] == ["[DONE]"] and not answer.error:
            self.first.append(answer.first_ms)
            self.latency.append(answer.total_ms)
        elif answer.status in (429, 503) and not answer.broken:
            self.refusal.append(answer.total_ms)
            named = "Retry-After" if "retry-after" in answer.headers else "no Retry-After"
            shape = "error object" if answer.error else "no error object"
            self.refusals[f"{answer.status}, {named}, {shape}"] += 1
            return True
        else:
            self.broken[answer.summary()] += 1
        return False


async def press(server: Server, clients: int, shape: Shape) -> Crowd:
    """Let so many clients send requests again and again; those still waiting at the end are counted and leave."""
    crowd = Crowd()
    request = post(chat(shape.tokens, stream=True))
    ends = time.perf_counter() + shape.seconds

    async def client(number: int) -> None:
        connection = Connection(server.port)
        await asyncio.sleep(number / clients * min(1.0, shape.pause))
        while time.perf_counter() < ends:
            answer = Answer()
            asking = asyncio.create_task(connection.ask(request, answer))
            await asyncio.wait({asking}, timeout=ends - time.perf_counter() + 5)
            if not asking.done():
                asking.cancel()
                crowd.unanswered += 1
                break
            if crowd.note(answer):
                await asyncio.sleep(shape.pause)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return crowd


async def overload(server: Server, shape: Shape) -> dict[str, Any]:
    """Measure a server with as many clients as it admits, then with `factor` times as many."""
    calm = await press(server, shape.admitted, shape)
    await asyncio.sleep(2)
    async with memory(server) as seen:
        flood = await press(server, shape.admitted * shape.factor, shape)
    return {
        "clients": shape.admitted * shape.factor,
        "calm": summary(calm, shape),
        "flood": summary(flood, shape),
        "memory": asdict(seen),
    }


def summary(crowd: Crowd, shape: Shape) -> dict[str, Any]:
    """Return the figures of a run."""
    figures: dict[str, Any] = {
        "admitted": len(crowd.latency),
        "admitted_per_second": len(crowd.latency) / shape.seconds,
        "refused": len(crowd.refusal),
        "refusals": dict(crowd.refusals),
        "broken": dict(crowd.broken),
        "unanswered": crowd.unanswered,
        "refusal_max": max(crowd.refusal, default=math.nan),
    }
    for name, values in (("first", crowd.first), ("latency", crowd.latency), ("refusal", crowd.refusal)):
        for share in (50, 95):
            figures[f"{name}_p{share}"] = percentile(values, share / 100)
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in figures.items()}


def rows(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return a table with a row for each figure and a column for each server."""
    lines: dict[str, Callable[[dict[str, Any]], str]] = {
        "clients in the flood": lambda run: str(run["clients"]),
        "answered in full (without the flood)": lambda run: f"{run['flood']['admitted']} ({run['calm']['admitted']})",
        "refused": lambda run: str(run["flood"]["refused"]),
        "refused how": lambda run: _counted(run["flood"]["refusals"].items()),
        "refusal p50 / p95 / max ms": lambda run: _ms(run["flood"], "refusal_p50", "refusal_p95", "refusal_max"),
        "waited in vain when it was over": lambda run: str(run["flood"]["unanswered"]),
        "broken answers": lambda run: _counted(run["flood"]["broken"].items()),
        "first token p50 / p95 ms without": lambda run: _ms(run["calm"], "first_p50", "first_p95"),
        "first token p50 / p95 ms in the flood": lambda run: _ms(run["flood"], "first_p50", "first_p95"),
        "whole answer p50 / p95 ms without": lambda run: _ms(run["calm"], "latency_p50", "latency_p95"),
        "whole answer p50 / p95 ms in the flood": lambda run: _ms(run["flood"], "latency_p50", "latency_p95"),
        "flood / without: first token p50, answer p50, answers": _ratios,
        "memory MiB before / peak / after": lambda run: _ms(run["memory"], "before", "peak", "after"),
    }
    return [[title, *(line(run) for run in found.values())] for title, line in lines.items()]


def _counted(pairs: Iterable[tuple[str, int]]) -> str:
    return "; ".join(f"{count} × {what}" for what, count in pairs) or "–"


def _ms(figures: dict[str, float | None], *names: str) -> str:
    return " / ".join("–" if (value := figures[name]) is None else f"{value:.0f}" for name in names)


def _ratios(run: dict[str, Any]) -> str:
    calm, flood = run["calm"], run["flood"]
    pairs = [(flood[name], calm[name]) for name in ("first_p50", "latency_p50", "admitted")]
    return ", ".join(f"{many / few:.2f}" if many and few else "–" for many, few in pairs)
