"""Clients that leave, do not read, or ask for too much; none of this should harm the server."""

import asyncio
import json
import time

from serving.processes import Server

from abusing.client import CHAT, Answer, Connection, chat, fetch, metric, post
from abusing.watch import leave, memory, readiness

GENERATED = "vllm:generation_tokens_total"
LONG = 4000
SLOW = 2500
ENOUGH = 1500  # tokens for each client that does not read; more than its socket holds
TIMEOUT = 60.0  # seconds to wait for these tokens on a busy machine
Row = dict[str, str]


async def client_leaves(server: Server, *, stream: bool) -> Row:
    """Leave in the middle of an answer and check whether the server keeps generating."""
    before = await metric(server.port, GENERATED)
    connection = Connection(server.port)
    asking = asyncio.create_task(connection.ask(post(chat(LONG, stream=stream)), Answer()))
    while await metric(server.port, GENERATED) - before < 50:  # noqa: ASYNC110  (the event is in the server)
        await asyncio.sleep(0.05)
    connection.close()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0.5)
    stopped = await metric(server.port, GENERATED)
    await asyncio.sleep(2)
    later = await metric(server.port, GENERATED) - stopped
    saw = f"{stopped - before:.0f} of {LONG} tokens made, {later:.0f} more in the 2 s after"
    return {"what": f"client leaves ({'stream' if stream else 'whole'})", "saw": saw, "ready": await _ready(server)}


async def slow_readers(server: Server, clients: int = 4, seconds: float = 20.0) -> Row:
    """Ask for thousands of tokens with 20 log probabilities each, read nothing for a while, then everything."""
    before = await metric(server.port, GENERATED)
    connections = [Connection(server.port, receive_buffer=4096) for _ in range(clients)]
    body = chat(SLOW, stream=True, stream_options={"include_usage": True}, logprobs=True, top_logprobs=20)
    async with memory(server) as seen:
        for connection in connections:
            await connection.send(post(body))
        ends = time.perf_counter() + seconds
        other = await fetch(server.port, post(chat(16, stream=False)))
        made = 0.0
        while (left := ends - time.perf_counter()) > 0 or (made < clients * ENOUGH and left > -TIMEOUT):
            await asyncio.sleep(1)
            made = await metric(server.port, GENERATED) - before
        waited = seconds - left
        ready = await _ready(server)
        answers = await asyncio.gather(*(one.read_answer(Answer(), 180) for one in connections))
    whole = sum(f'"completion_tokens":{SLOW}' in "".join(answer.events[-2:]) for answer in answers)
    done = sum(answer.events[-1:] == ["[DONE]"] for answer in answers)
    await leave(connections)
    saw = (
        f"{made:.0f} tokens made in {waited:.0f} s in which nobody read; then {done} × [DONE], {whole} × all {SLOW}"
        f" tokens; another client meanwhile: {other.summary()};"
        f" memory {seen.before:.0f} / {seen.peak:.0f} / {seen.after:.0f} MiB"
    )
    return {"what": f"{clients} clients read nothing for a while", "saw": saw, "ready": ready}


async def big_body(server: Server) -> Row:
    """Send a body of 60 MB."""
    return await _one(server, "60 MB body", chat(1, stream=False, padding="x" * 60_000_000))


async def many_choices(server: Server) -> Row:
    """Ask for a hundred thousand choices."""
    return await _one(server, "n = 100000", chat(1, stream=False, n=100_000))


async def deep_json(server: Server) -> Row:
    """Send a hundred thousand nested lists."""
    return await _one(server, "JSON 100000 deep", b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


async def deep_enough(server: Server) -> Row:
    """Send five hundred nested lists, which a parser can still read."""
    deep = json.loads("[" * 500 + "]" * 500)
    return await _one(server, "JSON 500 deep", chat(1, stream=False, metadata=deep))


async def _one(server: Server, what: str, body: bytes) -> Row:
    async with memory(server, settle=1.0) as seen:
        answer = await fetch(server.port, post(body, CHAT), 60)
    saw = f"{answer.summary()} in {answer.total_ms / 1000:.2f} s; memory +{seen.peak - seen.before:.0f} MiB"
    return {"what": what, "saw": saw, "ready": await _ready(server)}


async def _ready(server: Server) -> str:
    return str(await readiness(server) or "refused")
