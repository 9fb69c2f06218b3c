"""Deployments run: staging, environment, probes, restarts, replacement, scaling, logs."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.process import kill_orphans
from infra.emulator.world import World

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], Any], seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)
    return found


def describe(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/describe", trust_env=False).json()
    return answer


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_start_returns_when_the_container_is_ready(world: World, workspace: Any) -> None:
    began = time.monotonic()
    await world.host.start(workspace.put_deployment(environmentVariables={"READY_AFTER": "0.5"}))
    assert time.monotonic() - began >= 0.5
    (instance,) = world.host.instances(workspace.blue)
    assert instance["ready"]
    assert instance["restarts"] == 0
    assert instance["last_exit"] is None


@pytest.mark.parametrize(
    ("change", "code", "texts"),
    [
        pytest.param(
            {"environmentVariables": {"CRASH_AT_START": "1"}},
            "ResourceNotReady",
            ["User container has crashed or terminated.", "exit code 4", "Traceback: no weights here"],
            id="crash-at-start",
        ),
        pytest.param(
            {
                "environmentVariables": {"READY_AFTER": "60"},
                "readinessProbe": {"initialDelay": "PT1S", "period": "PT1S", "failureThreshold": 1},
            },
            "ResourceNotReady",
            ["not ready after 2 s", "readiness probe GET /health/ready", "failure_threshold 1"],
            id="readiness-budget",
        ),
        pytest.param(
            {
                "environmentVariables": {"READY_AFTER": "60", "LIVE_FILE": "/"},
                "livenessProbe": {"initialDelay": "PT1S", "period": "PT1S", "failureThreshold": 1},
            },
            "ResourceNotReady",
            ["not alive after 2 s", "liveness probe GET /health/live"],
            id="liveness-budget",
        ),
        pytest.param({"environmentId": "azureml:none:1"}, "BadArgument", ["environment 'azureml:none:1'"], id="no-env"),
        pytest.param({"model": "azureml:none:1"}, "BadArgument", ["model 'azureml:none:1'"], id="no-model"),
        pytest.param({"codeConfiguration": None}, "BadArgument", ["code_configuration"], id="nothing-to-run"),
    ],
)
async def test_what_cannot_start_fails_with_azures_code_and_leaves_no_process(
    world: World, workspace: Any, change: dict[str, Any], code: str, texts: list[str]
) -> None:
    with pytest.raises(DeploymentFailed) as failure:
        await world.host.start(workspace.put_deployment(**change))
    assert failure.value.code == code
    for text in texts:
        assert text in failure.value.message
    assert world.host.instances(workspace.blue) == []


async def test_logs_of_a_failed_start_are_kept(world: World, workspace: Any) -> None:
    with pytest.raises(DeploymentFailed):
        await world.host.start(workspace.put_deployment(environmentVariables={"CRASH_AT_START": "1", "NAME": "x"}))
    assert "hello from x" in world.host.logs(workspace.blue, "InferenceServer", 50)


async def test_a_killed_process_is_restarted_and_told_of(world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment())
    before = world.host.instances(workspace.blue)[0]
    os.kill(before["pid"], signal.SIGKILL)
    await until(lambda: world.host.instances(workspace.blue)[0]["restarts"] == 1)
    await until(lambda: world.host.ready(workspace.blue))
    after = world.host.instances(workspace.blue)[0]
    assert after["pid"] != before["pid"]
    assert after["last_exit"] == "killed by SIGKILL"
    assert "killed by SIGKILL; restart 1" in world.host.logs(workspace.blue, "InferenceServer", 50)


async def test_a_process_that_is_no_longer_alive_is_restarted(world: World, workspace: Any, tmp_path: Path) -> None:
    mark = tmp_path / "not-alive"
    probe = {"initialDelay": "PT3S", "period": "PT0.2S", "timeout": "PT1S", "failureThreshold": 10}
    await world.host.start(workspace.put_deployment(environmentVariables={"LIVE_FILE": str(mark)}, livenessProbe=probe))
    mark.touch()
    await until(lambda: world.host.instances(workspace.blue)[0]["restarts"] == 1)
    mark.unlink()
    await until(lambda: world.host.ready(workspace.blue))
    assert "liveness failed 10 times; restart 1" in world.host.logs(workspace.blue, "InferenceServer", 50)


async def test_scaling_touches_no_instance_that_stays(world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment())
    first = world.host.instances(workspace.blue)[0]["pid"]
    await world.host.start(workspace.put_deployment(count=3))
    pids = [instance["pid"] for instance in world.host.instances(workspace.blue)]
    assert len(set(pids)) == 3
    assert pids[0] == first
    assert len(set(world.host.ready(workspace.blue))) == 3
    await world.host.start(workspace.put_deployment(count=1))
    assert [instance["pid"] for instance in world.host.instances(workspace.blue)] == [first]
    assert not any(is_alive(pid) for pid in pids[1:])


async def test_the_same_deployment_again_changes_nothing(world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment())
    before = world.host.instances(workspace.blue)
    await world.host.start(workspace.put_deployment(requestSettings={"requestTimeout": "PT3M"}))
    assert world.host.instances(workspace.blue) == before


async def test_a_change_replaces_the_container_without_a_gap(
    world: World, workspace: Any, client: httpx.AsyncClient
) -> None:
    await world.host.start(workspace.put_deployment(environmentVariables={"NAME": "old"}))
    old = world.host.instances(workspace.blue)[0]["pid"]
    change = asyncio.create_task(
        world.host.start(workspace.put_deployment(environmentVariables={"NAME": "new", "READY_AFTER": "0.4"}))
    )
    names = []
    while not change.done():
        answer = await client.get("/describe")
        assert answer.status_code == 200
        names.append(answer.json()["environment"]["NAME"])
    await change
    names.append((await client.get("/describe")).json()["environment"]["NAME"])
    assert names[0] == "old"
    assert names[-1] == "new"
    assert names == sorted(names, reverse=True)
    assert not is_alive(old)


async def test_a_change_that_fails_leaves_the_old_container_serving(world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment())
    before = world.host.instances(workspace.blue)
    with pytest.raises(DeploymentFailed, match="ResourceNotReady"):
        await world.host.start(workspace.put_deployment(environmentVariables={"CRASH_AT_START": "1"}))
    assert world.host.instances(workspace.blue) == before


async def test_a_rotated_secret_replaces_the_container(world: World, workspace: Any) -> None:
    workspace.allow_secrets()
    reference = "${{azureml://connections/HuggingFaceTokenConnection/credentials/HF_TOKEN}}"
    for token in ("hf_before_1234", "hf_after_1234"):
        workspace.put_connection(HF_TOKEN=token)
        await world.host.start(workspace.put_deployment(environmentVariables={"HF_TOKEN": reference}))
        assert describe(world.host.ready(workspace.blue)[0])["environment"]["HF_TOKEN"] == token


async def test_a_stopped_deployment_leaves_nothing(world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment(count=2))
    pids = [instance["pid"] for instance in world.host.instances(workspace.blue)]
    await world.host.stop(workspace.blue)
    assert not any(is_alive(pid) for pid in pids)
    assert world.host.instances(workspace.blue) == []
    assert list(world.paths.staging.iterdir()) == []
    assert world.host.logs(workspace.blue, "InferenceServer", 10) == ""


async def test_a_start_that_is_stopped_meanwhile_is_canceled(world: World, workspace: Any) -> None:
    start = asyncio.create_task(world.host.start(workspace.put_deployment(environmentVariables={"READY_AFTER": "60"})))
    await until(lambda: world.host.instances(workspace.blue) and world.host.instances(workspace.blue)[0]["pid"])
    pid = world.host.instances(workspace.blue)[0]["pid"]
    await world.host.stop(workspace.blue)
    with pytest.raises(DeploymentFailed, match="OperationCanceled"):
        await start
    assert not is_alive(pid)


async def test_a_canceled_start_leaves_no_process(world: World, workspace: Any) -> None:
    start = asyncio.create_task(world.host.start(workspace.put_deployment(environmentVariables={"READY_AFTER": "60"})))
    await until(lambda: world.host.instances(workspace.blue) and world.host.instances(workspace.blue)[0]["pid"])
    pid = world.host.instances(workspace.blue)[0]["pid"]
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not is_alive(pid)


async def test_logs_are_private_and_show_no_secret(world: World, workspace: Any) -> None:
    workspace.allow_secrets()
    workspace.put_connection(HF_TOKEN="hf_never_to_be_seen")
    reference = "${{azureml://connections/HuggingFaceTokenConnection/credentials/HF_TOKEN}}"
    await world.host.start(workspace.put_deployment(environmentVariables={"HF_TOKEN": reference}))
    (url,) = world.host.ready(workspace.blue)
    async with httpx.AsyncClient(trust_env=False) as container:
        await container.get(f"{url}/print", params={"text": "my token is hf_never_to_be_seen!"})
    await until(lambda: "my token is ***!" in world.host.logs(workspace.blue, "InferenceServer", 5))
    for file in (path for path in world.paths.root.rglob("*") if path.is_file() and path != world.paths.database):
        assert b"hf_never_to_be_seen" not in file.read_bytes(), file
    for file in world.paths.logs.rglob("*.log"):
        assert file.stat().st_mode & 0o777 == 0o600


async def test_logs_of_several_instances_follow_each_other(world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment(count=2))
    log = world.host.logs(workspace.blue, "InferenceServer", 10)
    assert log.index("==> inference-server-0 <==") < log.index("==> inference-server-1 <==")
    assert log.count("hello from blue") == 2


async def test_processes_die_with_a_killed_emulator_and_leftovers_are_swept(tmp_path: Path, repository: Path) -> None:
    """A process of its own starts a deployment and is killed -9; its container goes with it."""
    program = textwrap.dedent(
        """
        import asyncio, os, sys
        from pathlib import Path
        from infra.emulator.host.process import OWNER_VARIABLE, ChildProcess, Command
        from infra.emulator.host.log import ContainerLog

        async def main(folder: Path) -> None:
            environment = dict(os.environ) | {OWNER_VARIABLE: str(folder)}
            # The second one leaves group and parent, as a daemon would.
            wait = "import time; time.sleep(600)"
            daemon = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {wait!r}], "
            daemon += f"start_new_session=True).pid, flush=True); {wait}"
            log = ContainerLog(folder / "log")
            child = await ChildProcess.start(Command([sys.executable, "-c", daemon], folder, environment), log)
            while not log.tail(1):
                await asyncio.sleep(0.01)
            print(child.pid, log.tail(1), flush=True)
            await asyncio.sleep(600)

        asyncio.run(main(Path(sys.argv[1])))
        """
    )
    with subprocess.Popen(  # noqa: ASYNC220 (its whole purpose is to be killed)
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=repository
    ) as emulator:
        assert emulator.stdout is not None
        child, daemon = (int(pid) for pid in emulator.stdout.readline().split())
        assert is_alive(child)
        emulator.kill()
    await until(lambda: not is_alive(child))
    assert is_alive(daemon)
    assert kill_orphans("/somebody/elses/state") == 0
    assert kill_orphans(str(tmp_path)) == 1
    await until(lambda: not is_alive(daemon))
