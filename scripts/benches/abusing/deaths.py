"""What clients see when a server is killed, hangs or is terminated."""

import asyncio
import os
import random
import signal
from collections import Counter

from serving.processes import Server

from abusing.client import Answer, Connection, chat, fetch, post
from abusing.hostile import Row
from abusing.watch import engine_of, exit_of, leave, readiness, ready_turns

NEVER_ENDS = 6000
TIMEOUT = 20.0  # seconds that a client waits for more of an answer before it gives up


class Clients:
    """Clients in the middle of requests, some with streams, some without."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connections: list[Connection] = []
        self.streams: list[asyncio.Task[Answer]] = []
        self.whole: list[asyncio.Task[Answer]] = []

    async def begin(self, streams: list[int], whole: list[int], patience: float = TIMEOUT) -> None:
        """Start requests for so many tokens each, and wait until every stream has its first one."""
        answers = [Answer() for _ in streams]
        for tokens, answer in zip(streams, answers, strict=True):
            self.streams.append(self._ask(chat(tokens, stream=True), answer, patience))
        for tokens in whole:
            self.whole.append(self._ask(chat(tokens, stream=False), Answer(), patience))
        await asyncio.gather(*(answer.begun.wait() for answer in answers))

    def _ask(self, body: bytes, answer: Answer, patience: float) -> "asyncio.Task[Answer]":
        connection = Connection(self.server.port)
        self.connections.append(connection)
        return asyncio.create_task(connection.ask(post(body), answer, patience))

    async def saw(self) -> str:
        """Wait for all requests to end, and count what the clients received."""
        parts = []
        for name, tasks in (("stream", self.streams), ("whole", self.whole)):
            counted = Counter(answer.summary() for answer in await asyncio.gather(*tasks))
            parts += [f"{count} × {name}: {told}" for told, count in counted.items()]
        return "; ".join(parts)


async def terminated(server: Server) -> Row:
    """Send SIGTERM while some streams can end within the grace period and some cannot."""
    clients = Clients(server)
    await clients.begin([NEVER_ENDS, NEVER_ENDS, 200], [NEVER_ENDS])
    await _tell(server, signal.SIGTERM)
    exit_code = asyncio.create_task(exit_of(server, 60))
    turn = await ready_turns(server, 10)
    new = await fetch(server.port, post(chat(1, stream=False)), 5)
    saw = f"{await clients.saw()}; new request: {new.summary()}"
    return {"what": "SIGTERM under streams", "saw": saw, "ready": turn.summary(), "exit": await exit_code}


async def told_twice(server: Server) -> Row:
    """Send SIGTERM, and again before the streams have ended."""
    clients = Clients(server)
    await clients.begin([NEVER_ENDS], [NEVER_ENDS])
    await _tell(server, signal.SIGTERM)
    turn = await ready_turns(server, 10)
    await asyncio.sleep(0.5)
    if server.process is not None and server.process.poll() is None:
        await _tell(server, signal.SIGTERM)
    ended = await exit_of(server, 30)
    return {"what": "second SIGTERM", "saw": await clients.saw(), "ready": turn.summary(), "exit": ended}


async def engine_killed(server: Server) -> Row:
    """Kill the engine process with SIGKILL."""
    clients = Clients(server)
    await clients.begin([NEVER_ENDS, NEVER_ENDS], [NEVER_ENDS])
    os.kill(engine_of(server), signal.SIGKILL)
    return await _end("kill -9 of the engine", server, clients, 20)


async def engine_hangs(server: Server) -> Row:
    """Stop the engine process while requests wait, until the clients have left, then let it continue."""
    clients = Clients(server)
    await clients.begin([NEVER_ENDS, NEVER_ENDS], [], patience=12)
    engine = engine_of(server)
    os.kill(engine, signal.SIGSTOP)
    try:
        turn = await ready_turns(server, 15)
        new = await fetch(server.port, post(chat(1, stream=False)), 3)
        saw = await clients.saw()
        await leave(clients.connections)
        alone = await readiness(server)
    finally:
        os.kill(engine, signal.SIGCONT)
    again = await ready_turns(server, 20, wanted=True)
    ready = f"{turn.summary()}; {alone} once the clients have left; goes on: {again.summary()}"
    return {"what": "engine hangs (SIGSTOP)", "saw": f"{saw}; new request: {new.summary()}", "ready": ready}


async def terminated_while_hung(server: Server) -> Row:
    """Send SIGTERM while the engine hangs."""
    clients = Clients(server)
    await clients.begin([NEVER_ENDS], [])
    os.kill(engine_of(server), signal.SIGSTOP)
    await _tell(server, signal.SIGTERM)
    return await _end("SIGTERM while the engine hangs", server, clients, 10)


async def _end(what: str, server: Server, clients: Clients, longest: float) -> Row:
    """Observe a server that is about to end; its readiness must change within so many seconds."""
    exit_code = asyncio.create_task(exit_of(server, 60))
    turn = await ready_turns(server, longest)
    return {"what": what, "saw": await clients.saw(), "ready": turn.summary(), "exit": await exit_code}


async def seeded(server: Server, requests: int = 8) -> Row:
    """Send seeded requests with prompts so long that the engine processes them in chunks."""
    chance = random.Random(1)  # noqa: S311
    answers = [Answer() for _ in range(requests)]
    connections = [Connection(server.port) for _ in range(requests)]
    asking = []
    for connection, answer in zip(connections, answers, strict=True):
        words = " ".join(f"{chance.randrange(100)}" for _ in range(900))
        message = [{"role": "user", "content": words}]
        asking.append(connection.ask(post(chat(16, stream=False, seed=1, messages=message)), answer, 60))
    counted = Counter(answer.summary() for answer in await asyncio.gather(*asking))
    await leave(connections)
    ended = await exit_of(server, 5)
    turn = await readiness(server)
    saw = "; ".join(f"{count} × {told}" for told, count in counted.items())
    return {"what": f"{requests} seeded requests with long prompts", "saw": saw, "ready": str(turn), "exit": ended}


async def _tell(server: Server, number: int) -> None:
    assert server.process is not None  # noqa: S101
    os.kill(server.process.pid, number)
