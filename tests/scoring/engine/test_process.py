"""The forked engine's process, tried with a small stand-in for vLLM's module in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scoring.processes import has_ended, wait_until

FORK = """
import colorsys, multiprocessing, socket, sys, types
from scoring.engine import process as engine_process

vllm_utils = types.ModuleType("vllm.v1.engine.utils")
vllm_utils.get_mp_context = lambda: multiprocessing.get_context({vllms!r})
for name in ("vllm", "vllm.v1", "vllm.v1.engine"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["vllm.v1.engine.utils"] = vllm_utils

def look(pipe):
    import os
    listening = [name for name in os.listdir("/proc/self/fd") if is_internet(int(name))]
    pipe.send(f"colorsys {{'colorsys' in sys.modules}} sockets {{len(listening)}}")

def is_internet(number):
    try:
        with socket.socket(fileno=__import__("os").dup(number)) as found:
            return found.family == socket.AF_INET
    except OSError:
        return False

listener = socket.create_server(("127.0.0.1", 0))
with engine_process.forked({wanted}, on_cpu={on_cpu}):
    context = vllm_utils.get_mp_context()
assert vllm_utils.get_mp_context().get_start_method() == {vllms!r}
print(context.get_start_method(), type(context).__name__)
if context.get_start_method() == "fork":
    here, there = multiprocessing.Pipe()
    process = context.Process(target=look, args=(there,))
    process.start()
    print(here.recv())
    process.join()
assert is_internet(listener.fileno())
"""


@pytest.mark.parametrize(
    ("wanted", "on_cpu", "vllms", "printed"),
    [
        pytest.param(True, True, "spawn", "fork ForkedContext\ncolorsys True sockets 0\n", id="forked-on-a-cpu"),
        pytest.param(True, False, "fork", "fork ForkedContext\ncolorsys True sockets 0\n", id="forked-on-a-gpu"),
        pytest.param(True, False, "spawn", "spawn SpawnedContext\n", id="vllm-insists-on-a-fresh-one"),
        pytest.param(False, True, "spawn", "spawn SpawnedContext\n", id="switched-off"),
        pytest.param(False, False, "fork", "spawn SpawnedContext\n", id="second-engine-on-a-gpu"),
        pytest.param(False, False, "forkserver", "forkserver ForkServerContext\n", id="fork-server-asked-for"),
    ],
)
def test_the_engine_is_forked(repository: Path, wanted: bool, on_cpu: bool, vllms: str, printed: str) -> None:
    code = FORK.format(wanted=wanted, on_cpu=on_cpu, vllms=vllms)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.returncode) == (printed, 0), done.stderr


@pytest.mark.parametrize("context", ["ForkedContext", "SpawnedContext"])
def test_the_engine_does_not_outlive_a_server_that_is_killed(repository: Path, context: str) -> None:
    code = (
        f"import time\nfrom scoring.engine.process import {context}\n"
        f"process = {context}().Process(target=time.sleep, args=(600,))\n"
        "process.start()\nprint(process.pid, flush=True)\nprocess.join()"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=repository, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        engine = int(server.stdout.readline())
        os.kill(engine, 0)
        server.kill()
    try:
        wait_until(lambda: has_ended(engine), 30)
    finally:
        if not has_ended(engine):
            os.kill(engine, signal.SIGKILL)


LINGERS = """
import os, time
from scoring.engine import process as engine_process

def linger():
    time.sleep(0.5)  # by then it watches its parent
    os.closerange(3, 256)
    time.sleep(600)

process = engine_process.ForkedContext().Process(target=linger)
process.start()
time.sleep(2)
print(engine_process.death())
process.kill()
process.join()
print(engine_process.death()[0])
"""


def test_an_engine_that_lingers_does_not_hold_up_the_word_of_its_death(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINGERS], cwd=repository, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.returncode) == ("('', '')\nsignal 9, Killed\n", 0), done.stderr


SIGNALLED = """
import asyncio, signal, sys, time
import uvicorn
from scoring.engine.process import ForkedContext

def work(started):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    started.set()
    while True:
        time.sleep(0.1)  # one that comes just before a long sleep begins would be looked at after it

async def serve():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print, "the server was told to end")
    started = ForkedContext().Event()
    process = await asyncio.to_thread(start, started)
    await asyncio.to_thread(started.wait)
    process.terminate()
    await asyncio.to_thread(process.join)
    await asyncio.sleep(0.2)
    print("the engine has ended")

def start(started):
    process = ForkedContext().Process(target=work, args=(started,))
    process.start()
    return process

with asyncio.Runner(loop_factory=uvicorn.Config(app=print).get_loop_factory()) as runner:
    runner.run(serve())
"""


def test_a_signal_to_the_engine_is_none_to_the_server(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED], cwd=repository, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.returncode) == ("the engine has ended\n", 0), done.stderr
