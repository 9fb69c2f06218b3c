"""The container runs what its image would: the Dockerfile's CMD, by a shell where Docker would use one."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.image import GATELIFT_COMMAND, dockerfile_command
from infra.emulator.world import World

SHELL = ("/bin/sh", "-c")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        pytest.param('FROM a\nCMD ["python", "x.py"]', ("python", "x.py"), id="exec-form"),
        pytest.param("FROM a\nCMD python $X", (*SHELL, "python $X"), id="shell-form"),
        pytest.param("FROM a\ncmd python x", (*SHELL, "python x"), id="lower-case"),
        pytest.param("FROM a\nCMD ['python']", (*SHELL, "['python']"), id="no-json-is-a-shell"),
        pytest.param('FROM a\nCMD ["a"]\nCMD ["b"]', ("b",), id="the-last-one"),
        pytest.param('FROM a\nENTRYPOINT []\nCMD ["b"]', ("b",), id="empty-entrypoint"),
        pytest.param('FROM a\nENTRYPOINT ["a"]\nCMD ["b"]', ("a", "b"), id="entrypoint-and-command"),
        pytest.param('FROM a\nENTRYPOINT run me\nCMD ["b"]', (*SHELL, "run me"), id="shell-entrypoint"),
        pytest.param('FROM a\nCMD ["a"]\nFROM b', (), id="a-later-stage"),
        pytest.param("FROM a\nCMD python \\\n# why\n  x.py", (*SHELL, "python   x.py"), id="continued"),
        pytest.param("FROM a\nRUN <<EOF\nCMD no\nEOF\nCMD yes", (*SHELL, "yes"), id="here-document"),
        pytest.param("FROM a\n# CMD no", (), id="comment"),
    ],
)
def test_a_dockerfile_says_what_runs(text: str, command: tuple[str, ...]) -> None:
    assert dockerfile_command(text)[1] == command


def test_the_default_is_what_our_own_dockerfile_says(repository: Path) -> None:
    text = (repository / "environments" / "vllm" / "Dockerfile.j2").read_text()
    assert dockerfile_command(text)[1] == GATELIFT_COMMAND


def built(workspace: Any, dockerfile: str) -> str:
    """An environment whose build context is this Dockerfile."""
    id = f"{workspace.id}/environments/built/versions/1"
    routes = workspace.world.store.get(workspace.environment)["properties"]["inferenceConfig"]
    workspace.world.blobs.put("assets", "context/Dockerfile", dockerfile.encode())
    workspace.put(id, {"build": {"contextUri": "https://127.0.0.1/assets/context/"}, "inferenceConfig": routes})
    return id


def seen(world: World, workspace: Any) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{world.host.ready(workspace.blue)[0]}/describe", trust_env=False).json()
    return answer


@pytest.mark.anyio
async def test_a_container_runs_the_command_of_its_dockerfile(world: World, workspace: Any) -> None:
    dockerfile = 'FROM example.org/box:1\nCMD MARK=set exec python "$AML_APP_ROOT/$AZUREML_ENTRY_SCRIPT" "$NAME words"'
    await world.host.start(workspace.put_deployment(environmentId=built(workspace, dockerfile)))
    container = seen(world, workspace)
    assert container["arguments"][1:] == ["blue words"]
    assert container["environment"]["MARK"] == "set"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param('["no-such-program"]', "no-such-program", id="missing-program"),
        pytest.param("exit 3", "exit code 3", id="ends-at-once"),
        pytest.param('["python3", "$AML_APP_ROOT/score.py"]', "can't open file", id="no-shell-no-variables"),
    ],
)
async def test_a_command_that_does_not_run_fails_as_on_azure(
    world: World, workspace: Any, command: str, words: str
) -> None:
    with pytest.raises(DeploymentFailed) as failure:
        await world.host.start(
            workspace.put_deployment(environmentId=built(workspace, f"FROM example.org/box:1\nCMD {command}"))
        )
    assert failure.value.code == "ResourceNotReady"
    assert words in failure.value.message


@pytest.mark.anyio
async def test_a_ready_image_runs_what_was_recorded_for_it(world: World, workspace: Any) -> None:
    command = ["python3", "-c", "import sys; sys.exit('recorded')"]
    world.store.put_record("image", "docker.io/box:1", {"command": command})
    with pytest.raises(DeploymentFailed, match="recorded"):
        await world.host.start(workspace.put_deployment())
