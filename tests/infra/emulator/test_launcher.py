"""Starting, finding and stopping emulators, and what survives."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator import launcher
from infra.errors import GateliftError

KEYS = {"resource_manager", "ca_bundle", "hub", "identity_endpoint", "portal", "pid"}


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.02)


def test_a_second_start_finds_the_first(start_emulator: Callable[..., Any], tmp_path: Path) -> None:
    first = start_emulator()
    assert set(first.to_json()) >= KEYS
    assert first.resource_manager.startswith("https://127.0.0.1:")
    assert launcher.start(tmp_path / "state") == first
    assert launcher.status(tmp_path / "state") == first
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "emulator.sqlite3").stat().st_mode) == 0o600


def test_starts_at_the_same_time_meet_in_one_emulator(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        profiles = list(pool.map(lambda _: launcher.start(tmp_path / "state"), range(4)))
    assert len({profile.pid for profile in profiles}) == 1
    assert launcher.stop(tmp_path / "state")


def test_it_survives_who_started_it_and_stops(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from infra.emulator import launcher; print(launcher.start(pathlib.Path(sys.argv[1])).pid)"
    )
    output = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True)
    pid = int(output.stdout)
    assert is_alive(pid)
    assert launcher.stop(tmp_path)
    wait_until(lambda: not is_alive(pid))
    assert launcher.status(tmp_path) is None
    assert not launcher.stop(tmp_path)


def test_in_the_foreground_it_runs_until_a_signal(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from infra.emulator import launcher; "
        "launcher.start(pathlib.Path(sys.argv[1]), foreground=True, on_ready=lambda p: print(p.pid, flush=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert int(process.stdout.readline()) == process.pid
    assert launcher.status(tmp_path)
    process.terminate()
    assert process.wait(30) == 0
    assert launcher.status(tmp_path) is None
    process.stdout.close()


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GateliftError, match="cannot use the state folder"):
        launcher.start(tmp_path / "file" / "state")


def test_a_port_in_use(start_emulator: Callable[..., Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(GateliftError, match=f"127.0.0.1:{port}") as refused:
            start_emulator(port=port)
    assert refused.value.code == "port_in_use"
    assert "--port" in refused.value.hint


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        pytest.param("{", "not JSON", id="not-json"),
        pytest.param('{"hub": {"tokens": [1]}}', r"hub.tokens\[0\]", id="token"),
    ],
)
def test_a_seed_that_cannot_be_used(start_emulator: Callable[..., Any], tmp_path: Path, seed: str, words: str) -> None:
    path = tmp_path / "seed.json"
    path.write_text(seed)
    with pytest.raises(GateliftError, match=words):
        start_emulator(seed=path)


def test_what_it_acknowledged_survives_kill_9(
    start_emulator: Callable[..., Any], arm_of: Callable[..., Any], bodies: Any
) -> None:
    profile = start_emulator()
    arm = arm_of(profile)
    id = arm.endpoint("durable")
    keys = arm("POST", f"{id}/listKeys").json()
    body = bodies["deployment"](arm.assets())
    arm.done("PUT", f"{id}/deployments/blue", body)
    pids = [instance["pid"] for instance in httpx.get(f"{profile.portal}/instances", trust_env=False).json()]
    os.kill(profile.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in [profile.pid, *pids]))

    again = start_emulator()
    assert again.resource_manager == profile.resource_manager
    arm = arm_of(again)
    assert arm("POST", f"{id}/listKeys").json() == keys
    uri = arm("GET", id).json()["properties"]["scoringUri"]
    headers = {"Authorization": f"Bearer {keys['primaryKey']}", "azureml-model-deployment": "blue"}

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.post(uri, json=1, headers=headers, trust_env=False).status_code == 200
        return False

    wait_until(answers)


def test_an_operation_goes_on_after_kill_9(
    start_emulator: Callable[..., Any], arm_of: Callable[..., Any], bodies: Any
) -> None:
    profile = start_emulator()
    httpx.put(f"{profile.portal}/settings", json={"operation_seconds": 60}, trust_env=False).raise_for_status()
    arm = arm_of(profile)
    started = arm("PUT", f"{arm.lab}/onlineEndpoints/resumed", bodies["endpoint"]())
    assert started.json()["properties"]["provisioningState"] == "Creating"
    httpx.put(f"{profile.portal}/settings", json={"operation_seconds": 0}, trust_env=False).raise_for_status()
    os.kill(profile.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(profile.pid))
    arm = arm_of(start_emulator())
    assert arm.finish(started)["status"] == "Succeeded"
    assert arm("GET", f"{arm.lab}/onlineEndpoints/resumed").json()["properties"]["provisioningState"] == "Succeeded"


def test_two_emulators_side_by_side_know_nothing_of_each_other(
    start_emulator: Callable[..., Any], arm_of: Callable[..., Any], connect: Callable[..., httpx.Client]
) -> None:
    one, two = start_emulator("one"), start_emulator("two")
    token = arm_of(one).client.headers["Authorization"].partition(" ")[2]
    with connect(two, token) as client:
        answer = client.get("/subscriptions", params={"api-version": "2022-12-01"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_it_is_small_when_idle(emulator: Any) -> None:
    status = Path(f"/proc/{emulator.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
    assert resident < 150


def test_secrets_of_its_user_stay_outside(tmp_path: Path) -> None:
    kept = launcher.environment({"PATH": "/bin", "HF_TOKEN": "hf_x", "AZURE_CLIENT_SECRET": "s", "LANG": "C"})
    assert set(kept) == {"PATH", "LANG", "PYTHONPATH"}
