"""What the load generator of `gatelift bench` itself can take: streams of a server that only sends pieces in time."""

import argparse
import asyncio
import multiprocessing
import socket
from contextlib import suppress

from infra.load.ask import Client
from infra.load.prompts import made_up
from infra.load.run import Pace, run
from infra.load.summary import summarize

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = (
    '{"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk","created":1796140800,'
    '"model":"null","choices":[{"index":0,"delta":{%s},"logprobs":null,"finish_reason":%s}],"usage":null}'
)
USAGE = '{"choices":[],"usage":{"prompt_tokens":32,"completion_tokens":%d,"total_tokens":96}}'


def main() -> None:
    """Measure each number of streams and print a row for it."""
    parser = argparse.ArgumentParser(prog="scripts/bench load", description=__doc__)
    parser.add_argument("--streams", default="1,16,64,128,256,512", help="numbers of streams at a time")
    parser.add_argument("--step", type=float, default=20, help="ms between two pieces of a stream (default 20)")
    parser.add_argument("--tokens", type=int, default=100, help="pieces of a stream (default 100)")
    arguments = parser.parse_args()
    print("streams  pieces/s  CPU of a core  first token p50, p95, p99 ms  gap p50, p95, p99 ms  failed")  # noqa: T201
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # of every connection that it accepts
        serving = (listening, arguments.step / 1000, arguments.tokens)
        server = multiprocessing.get_context("fork").Process(target=_serve, args=serving, daemon=True)
        server.start()
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", lambda: "none", "null")
        for streams in (int(word) for word in arguments.streams.split(",")):
            print(_row(client, streams, arguments.tokens))  # noqa: T201
        server.kill()


def _row(client: Client, streams: int, tokens: int) -> str:
    pace = Pace(concurrency=streams, requests=streams * 4)
    done = run(client.ask, made_up(32, tokens), pace)
    found = summarize(done.samples, done.seconds)
    first = (f"{value * 1000:.1f}" for value in (found.ttft_p50, found.ttft_p95, found.ttft_p99))
    gaps = (f"{value * 1000:.1f}" for value in (found.gap_p50, found.gap_p95, found.gap_p99))
    rate = f"{found.tokens_per_second:8.0f}  {done.cpu:13.2f}"
    return f"{streams:7}  {rate}  {', '.join(first):>27}  {', '.join(gaps):>20}  {found.failed:6}"


def _serve(listening: socket.socket, step: float, tokens: int) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(_Null(step, tokens).serve(listening))


class _Null:
    """A server without a model: each stream gets a piece at every step."""

    def __init__(self, step: float, tokens: int) -> None:
        self._step = step
        self._tokens = tokens
        self._piece = _framed(CHUNK % ('"content":" token"', "null"))
        last = _framed(CHUNK % ('"content":" token"', '"length"')), _framed(USAGE % tokens), _framed("[DONE]")
        self._last = b"".join(last) + b"0\r\n\r\n"

    async def serve(self, listening: socket.socket) -> None:
        """Answer every request of every connection, for ever."""
        server = await asyncio.start_server(self._connection, sock=listening)
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                await self._answer(writer)

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        writer.write(HEAD + _framed(CHUNK % ('"role":"assistant","content":""', "null")))
        for number in range(self._tokens):
            due += self._step
            await asyncio.sleep(due - loop.time())
            writer.write(self._piece if number + 1 < self._tokens else self._last)


def _framed(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


if __name__ == "__main__":
    main()
