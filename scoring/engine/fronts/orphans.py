"""Requests that go on in the engine when the Rust front that asked for them has died: they are stopped."""

import importlib
import logging
import socket
from typing import Any

logger = logging.getLogger("scoring")

UNLIMITED = 0


async def stop_orphans(core: Any, listener: socket.socket, address: str) -> None:
    """Take the dead front's place at the engine's outputs, and abort each request of its that still makes tokens.

    `core` is the Python front's client of the engine, `listener` the socket that the dead front had for its outputs.
    The engine connects to it again and sends what has waited meanwhile. Goes on until it is cancelled or the engine
    dies: a request that was still queued makes its first token later.
    """
    names: tuple[str, ...] = ("zmq", "zmq.asyncio", "vllm.v1.engine", "vllm.v1.serial_utils")
    zmq, zmq_asyncio, engine, serial = (importlib.import_module(name) for name in names)
    decoder = serial.MsgpackDecoder(engine.EngineCoreOutputs)
    context = zmq_asyncio.Context()
    outputs_socket = context.socket(zmq.PULL)
    outputs_socket.setsockopt(zmq.RCVHWM, UNLIMITED)
    outputs_socket.setsockopt(zmq.USE_FD, listener.detach())
    stopped: set[str] = set()
    try:
        outputs_socket.bind(address)
        while not core.resources.engine_dead:
            outputs = decoder.decode(await outputs_socket.recv_multipart(copy=False))
            running = {one.request_id for one in outputs.outputs if not one.finished} - stopped
            if running:
                logger.info("[fronts] stopping %d requests of the front that has ended", len(running))
                await core.abort_requests_async(list(running))
                stopped |= running  # what was on its way still comes
    finally:
        context.destroy(linger=0)
