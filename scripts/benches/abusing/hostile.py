"""Clients that leave, do not read, or ask for too much; none of this should harm the server."""

import asyncio
import json
import time

from serving.processes import Server

from abusing.client import CHAT, Answer, Connection, chat, fetch, metric, post
from abusing.watch import leave, memory, readiness

GENERATED = "vllm:generation_tokens_total"
TEXT = "/v1/completions"
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


async def objects_body(server: Server) -> Row:
    """Send 32 MiB of empty objects, and see how long a probe waits meanwhile."""
    return await _one(server, "32 MiB of {}", b'{"model":"bench","messages":[' + b"{}," * 11_000_000 + b"{}]}")


async def tokens_body(server: Server) -> Row:
    """Send ten million tokens."""
    return await _one(server, "10 million tokens", b'{"model":"bench","prompt":[' + b"1," * 10_000_000 + b"1]}", TEXT)


async def long_name(server: Server) -> Row:
    """Ask for a model with a name of a megabyte."""
    async with memory(server, settle=1.0):
        answer = await fetch(server.port, post(chat(1, stream=False, model="m" * 1_000_000)), 60)
    saw = f"{answer.status}, an error of {len(answer.body)} bytes"
    return {"what": "model name of 1 MB", "saw": saw, "ready": await _ready(server)}


async def endless_head(server: Server) -> Row:
    """Send a head without an end, up to 64 MiB."""
    async with memory(server, settle=1.0) as seen:
        sent, said = await _send_on(server.port, b"GET / HTTP/1.1\r\nx: ", b"x" * 65536, 1024)
    saw = f"{said} after {sent / 2**20:.1f} MiB; memory +{seen.peak - seen.before:.0f} MiB"
    return {"what": "head without an end, 64 MiB", "saw": saw, "ready": await _ready(server)}


async def slow_head(server: Server) -> Row:
    """Send a header each second and never the end of the head, for at most 40 seconds."""
    began = time.perf_counter()
    _, said = await _send_on(server.port, b"GET / HTTP/1.1\r\n", b"a: b\r\n", 40, pause=1)
    saw = f"{said} after {time.perf_counter() - began:.0f} s"
    return {"what": "a header each second", "saw": saw, "ready": await _ready(server)}


async def pipelining(server: Server, requests: int = 100_000) -> Row:
    """Send a hundred thousand requests at once over one connection, and read nothing."""
    request = post(chat(LONG, stream=True))
    async with memory(server, settle=1.0) as seen:
        sent, said = await _send_on(server.port, b"", request * 100, requests // 100)
    saw = f"{said} after {sent // len(request)} requests; memory +{seen.peak - seen.before:.0f} MiB"
    return {"what": f"{requests} requests at once on one connection", "saw": saw, "ready": await _ready(server)}


async def _send_on(port: int, begin: bytes, piece: bytes, times: int, pause: float = 0) -> tuple[int, str]:
    """Send as long as it is taken, at most 5 seconds a piece; return how much, and what the server said to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.ensure_future(reader.read(64))
    sent, said = 0, "taken"
    try:
        writer.write(begin)
        for _ in range(times):
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 5)
            sent += len(piece)
            await asyncio.wait({answered}, timeout=pause)
            if answered.done():
                break
        else:
            await asyncio.wait({answered}, timeout=2)
        if answered.done():
            said = answered.result().partition(b"\r\n")[0].decode("latin-1") or "closed"
    except TimeoutError:
        said = "no longer read"
    except OSError:
        said = "closed"
    answered.cancel()
    writer.transport.abort()
    return sent, said


async def _one(server: Server, what: str, body: bytes, path: str = CHAT) -> Row:
    async with memory(server, settle=1.0) as seen:
        asking = asyncio.ensure_future(fetch(server.port, post(body, path), 120))
        longest = 0.0
        while not asking.done():
            began = time.perf_counter()
            await readiness(server, 120)
            longest = max(longest, time.perf_counter() - began)
        answer = await asking
    saw = (
        f"{answer.summary()} in {answer.total_ms / 1000:.2f} s; a probe meanwhile waits up to {longest:.2f} s;"
        f" memory +{seen.peak - seen.before:.0f} MiB"
    )
    return {"what": what, "saw": saw, "ready": await _ready(server)}


async def _ready(server: Server) -> str:
    return str(await readiness(server) or "refused")
