"""The front end of one endpoint as an ASGI application: what Azure does between a client and the containers."""

import asyncio
import re
import time
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

from starlette.types import Receive, Scope, Send

from infra.emulator.frontend.auth import refusal
from infra.emulator.frontend.limits import Incoming, Limits, TooLarge
from infra.emulator.frontend.traffic import Target, choose, choose_mirror
from infra.emulator.frontend.upstream import Head, Headers, Upstream, UpstreamBroken
from infra.emulator.host.host import ProcessHost
from infra.emulator.host.instance import Instance
from infra.emulator.monitor.recorder import Answered
from infra.emulator.state.store import Document
from infra.emulator.world import World

DEPLOYMENT_HEADER = b"azureml-model-deployment"
REQUEST_ID, CLIENT_REQUEST_ID = b"x-request-id", b"x-ms-client-request-id"
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade expect".split()
)
# The endpoint's key is not passed on to containers.
NOT_FORWARDED = HOP_BY_HOP | {b"authorization", b"host", REQUEST_ID, CLIENT_REQUEST_ID}
SET_BY_PLATFORM = frozenset((REQUEST_ID, CLIENT_REQUEST_ID, b"ms-azureml-model-time", b"date"))
CLIENT_ID_LENGTH = 40
NOT_IN_CLIENT_ID = re.compile(rb"[^A-Za-z0-9_-]")
TOO_LARGE = b"The request is larger than the endpoint accepts."
# Azure's own words: MicrosoftDocs/azure-ai-docs how-to-troubleshoot-batch-endpoints.md; reports of online endpoints
# quote its beginning.
NO_ROUTE = (
    b"No valid deployments to route to. Please check that the endpoint has at least one deployment with positive "
    b"weight values or use a deployment specific header to route."
)
PRIVATE = b"Public network access to this endpoint is disabled."  # in which words Azure refuses is not known
RESET_TEXT = b"upstream connect error or disconnect/reset before headers. reset reason: connection termination"


class FrontEndApp:
    """Authenticates, picks a deployment and an instance, and passes bytes both ways as they come."""

    def __init__(self, world: World, host: ProcessHost, endpoint_id: str, pending: Counter[str]) -> None:
        self._world = world
        self._host = host
        self._endpoint_id = endpoint_id
        self._pending = pending
        self._limits = Limits(world.settings)
        self._mirrors: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        asked = dict(scope["headers"])
        reply = _Reply(send, asked.get(CLIENT_REQUEST_ID, b""))
        endpoint = self._world.store.get(self._endpoint_id)
        if endpoint is None:
            await reply.plain(404, b"The endpoint does not exist.")
            return
        if refused := self._refused_before_anything(scope, endpoint):
            await reply.plain(*refused)
            return
        authorization = asked.get(b"authorization", b"").decode("latin-1")
        if reason := refusal(self._world, self._endpoint_id, endpoint, authorization):
            await reply.plain(401, reason.encode(), [(b"www-authenticate", b"Bearer")])
            return
        if not self._limits.admits():
            await reply.plain(429, b"The endpoint receives more requests than it accepts.")
            return
        most = self._limits.request_limit()
        if most and int(asked.get(b"content-length", b"0")) > most:
            await reply.plain(413, TOO_LARGE)
            return
        named = asked.get(DEPLOYMENT_HEADER, b"").decode("latin-1").strip()
        target = choose(self._world.store, self._endpoint_id, endpoint, named)
        if target is None:
            await reply.plain(404, NO_ROUTE)
            return
        mirror = None if named else choose_mirror(self._world.store, self._endpoint_id, endpoint)
        await self._admit(target, mirror, _Exchange(scope, Incoming(receive, self._limits), reply, self._limits))

    def _refused_before_anything(self, scope: Scope, endpoint: Document) -> tuple[int, bytes] | None:
        access = str(endpoint.get("properties", {}).get("publicNetworkAccess", "Enabled")).lower()
        if access == "disabled" and not self._world.settings["endpoint_requests_from_inside"]:
            return 403, PRIVATE
        if scope["method"] == "DELETE" and self._world.settings["endpoint_refuses_delete"]:
            return 405, b"The requested resource does not support http method 'DELETE'."
        return None

    async def _admit(self, target: Target, mirror: Target | None, exchange: "_Exchange") -> None:
        recorder, began = self._world.recorder, time.perf_counter()
        recorder.came(target.deployment_id)
        try:
            if self._pending[target.deployment_id] >= target.pending_limit:
                await exchange.reply.error(429, b"too_many_pending_request")
                return
            self._pending[target.deployment_id] += 1
            try:
                await self._forward(target, mirror, exchange)
            finally:
                self._pending[target.deployment_id] -= 1
        finally:
            recorder.went(target.deployment_id, exchange.reply.answered(time.perf_counter() - began))

    async def _forward(self, target: Target, mirror: Target | None, exchange: "_Exchange") -> None:
        opened = await self._connect(target)
        if opened is None:
            await exchange.reply.error(424, b"model_not_ready", b"The deployment has no instance that is ready.")
            return
        instance, upstream = opened
        self._world.recorder.began(target.deployment_id, instance.number)
        copy = bytearray() if mirror else None
        try:
            async with asyncio.timeout(target.timeout):
                await exchange.relay(instance.port, upstream, copy)
        except TimeoutError:
            # An answer that has begun stays incomplete: the server then closes the connection and the client notices.
            if not exchange.reply.started:
                await exchange.reply.plain(408, b"upstream request timeout")
        except TooLarge:
            if not exchange.reply.started:
                await exchange.reply.error(424, b"model_error", b"The answer is larger than the endpoint passes on.")
        except UpstreamBroken:
            if exchange.incoming.too_large and not exchange.reply.started:
                await exchange.reply.plain(413, TOO_LARGE)
            elif not upstream.client_left and not exchange.reply.started:
                await exchange.reply.error(424, b"model_error", RESET_TEXT, b"503")
        finally:
            self._world.recorder.ended(target.deployment_id, instance.number)
            instance.release()
            upstream.close()
        if mirror and copy is not None:
            task = asyncio.create_task(self._send_copy(mirror, exchange, bytes(copy)))
            self._mirrors.add(task)
            task.add_done_callback(self._mirrors.discard)

    async def _connect(self, target: Target) -> tuple[Instance, Upstream] | None:
        """A connection to the least busy instance, which the caller has to release."""
        while instance := self._host.least_busy(target.deployment_id):
            instance.take()
            try:
                return instance, await Upstream.connect(instance.port)
            except OSError:
                instance.release()
                instance.ready = False  # its process has just died, as its supervision is about to notice
            except BaseException:
                instance.release()
                raise
        return None

    async def _send_copy(self, target: Target, exchange: "_Exchange", body: bytes) -> None:
        """Mirror a request; the answer is discarded."""
        opened = await self._connect(target)
        if opened is None:
            return
        instance, upstream = opened
        self._world.recorder.began(target.deployment_id, instance.number)
        try:
            with suppress(TimeoutError, UpstreamBroken):
                async with asyncio.timeout(target.timeout):
                    await exchange.repeat(instance.port, upstream, body)
        finally:
            self._world.recorder.ended(target.deployment_id, instance.number)
            instance.release()
            upstream.close()


class _Exchange:
    """One client's request on its way to an instance and back."""

    def __init__(self, scope: Scope, incoming: Incoming, reply: "_Reply", limits: Limits) -> None:
        self._scope = scope
        self._limits = limits
        self.incoming = incoming
        self.reply = reply

    async def relay(self, port: int, upstream: Upstream, copy: bytearray | None) -> None:
        """Send the request and answer the client with what comes back, both as streams."""
        headers = self._headers(port)
        chunked = any(name == b"transfer-encoding" for name, _ in self._scope["headers"])
        if chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        upstream.send_head(self._method, self._target, headers)
        began = time.perf_counter()
        incoming = asyncio.create_task(self._send_incoming(upstream, chunked=chunked, copy=copy))
        try:
            head = await upstream.read_head()
            self._limits.check_answer(int(head.get(b"content-length") or 0))
            await self.reply.start(head, time.perf_counter() - began)
            sent = 0
            async for piece in upstream.read_body(self._method, head):
                sent += len(piece)
                self._limits.check_answer(sent)
                await self._limits.wait_for_bandwidth(len(piece))
                await self.reply.body(piece)
            await self.reply.end()
        finally:
            incoming.cancel()

    async def repeat(self, port: int, upstream: Upstream, body: bytes) -> None:
        """Send the request again with its whole body, and discard the answer."""
        headers = [header for header in self._headers(port) if header[0] != b"content-length"]
        upstream.send_head(self._method, self._target, [*headers, (b"content-length", str(len(body)).encode())])
        await upstream.send_body(_whole(body), chunked=False)
        head = await upstream.read_head()
        async for _ in upstream.read_body(self._method, head):
            pass

    @property
    def _method(self) -> str:
        return str(self._scope["method"])

    @property
    def _target(self) -> bytes:
        query: bytes = self._scope["query_string"]
        path: bytes = self._scope["raw_path"]
        return path + (b"?" + query if query else b"")

    def _headers(self, port: int) -> Headers:
        passed = [(name, value) for name, value in self._scope["headers"] if name not in NOT_FORWARDED]
        return [(b"host", b"127.0.0.1:%d" % port), *passed, *self.reply.ids]

    async def _send_incoming(self, upstream: Upstream, *, chunked: bool, copy: bytearray | None) -> None:
        # An instance may answer and close before it has read the whole body; its answer is what counts.
        with suppress(OSError):
            await upstream.send_body(self.incoming, chunked=chunked, copy=copy)
        if not upstream.client_left:
            await upstream.watch_client(self.incoming)


class _Reply:
    """The answer to the client, with the request ids that every answer carries."""

    def __init__(self, send: Send, client_request_id: bytes) -> None:
        self._send = send
        self.started = False
        self._statuses = (0, 0)  # the front end's and the container's
        self.ids: Headers = [(REQUEST_ID, str(uuid.uuid4()).encode())]
        if client_id := NOT_IN_CLIENT_ID.sub(b"", client_request_id)[:CLIENT_ID_LENGTH]:
            self.ids.append((CLIENT_REQUEST_ID, client_id))

    async def start(self, head: Head, seconds: float) -> None:
        """Pass on the head of a container's answer; every status but 200 becomes 424."""
        headers = [
            (name, value) for name, value in head.headers if name not in HOP_BY_HOP and name not in SET_BY_PLATFORM
        ]
        headers += [*self.ids, (b"ms-azureml-model-time", str(round(seconds * 1000)).encode())]
        status = head.status
        self._statuses = (0, status)
        if status != 200:
            headers.append((b"ms-azureml-model-error-statuscode", str(status).encode()))
            headers.append((b"ms-azureml-model-error-reason", b"model_error"))
            if status in (204, 304):
                headers = [header for header in headers if header[0] != b"content-length"] + [(b"content-length", b"0")]
            status = 424
        await self._start(status, headers)

    def answered(self, seconds: float) -> Answered | None:
        """What the recorder is told of the answer; None where none began."""
        return Answered(*self._statuses, seconds * 1000) if self.started else None

    async def body(self, piece: bytes) -> None:
        """Pass on a piece of the body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """The body is complete."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def plain(self, status: int, text: bytes, headers: Headers | None = None) -> None:
        """A complete answer of the platform itself, as text."""
        own = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
        await self._start(status, [*own, *self.ids, *(headers or [])])
        await self._send({"type": "http.response.body", "body": text, "more_body": False})

    async def error(self, status: int, reason: bytes, text: bytes = b"", model_status: bytes = b"") -> None:
        """An answer with the reason of a model error in its headers."""
        headers = [(b"ms-azureml-model-error-reason", reason)]
        if model_status:
            headers.append((b"ms-azureml-model-error-statuscode", model_status))
        await self.plain(status, text, headers)

    async def _start(self, status: int, headers: Headers) -> None:
        self.started, self._statuses = True, (status, self._statuses[1])
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _whole(body: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
