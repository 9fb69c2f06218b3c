"""A real Redis server for tests, from Debian's package: installed where it is missing and we may, else a skip."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
import redis

APT = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}


class RedisServer:
    """One server on a loopback port."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis.from_url(self.url)

    def empty(self) -> None:
        """Forget everything."""
        self.client.flushall()


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@cache
def redis_program() -> tuple[str | None, str]:
    """Return the path of redis-server, or why there is none and it cannot be installed."""
    if found := shutil.which("redis-server"):
        return found, ""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None, "redis-server is not installed, and only root on Debian can install it"
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "redis-server"]):
        result = subprocess.run(command, env=APT, capture_output=True, text=True, check=False)
    return shutil.which("redis-server"), f"redis-server cannot be installed: {result.stderr.strip()[-200:]}"


def can_run() -> bool:
    """Tell whether there is a server to run."""
    return redis_program()[0] is not None


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a server that keeps nothing on disk, until it is no longer needed."""
    program, reason = redis_program()
    if program is None:
        pytest.skip(reason)
    port = find_free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        server = RedisServer(port)
        try:
            deadline = time.monotonic() + 30
            while not _answers(server.client):
                assert child.poll() is None, "redis-server has ended"
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.02)
            yield server
        finally:
            server.client.close()
            child.terminate()
            child.wait(10)


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
