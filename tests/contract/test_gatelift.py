"""gatelift's own round trip, through the command line as a person uses it; the tests build on each other.

On the emulator, which gatelift takes for a cloud of its own, a container that starts at once stands for vLLM; on
Azure it is the real one. What it needs there, in
addition to what conftest.py names:

    GATELIFT_CONTRACT_GPU             the instance type; the change needs quota for two of them
    GATELIFT_CONTRACT_MODEL           a gated model that both tokens open
    HF_TOKEN, GATELIFT_CONTRACT_SECOND_TOKEN
    GATELIFT_CONTRACT_IDENTITY        the resource id of a user-assigned identity, if the endpoint is to have one
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import TOKENS

ROOT = Path(__file__).resolve().parents[2]
WITH_A_CONTAINER = [
    str(ROOT / "scripts" / "benches" / "provisioning" / "gatelift.py"),
    str(ROOT / "tests" / "infra" / "container"),
]
NEEDED = ("GATELIFT_CONTRACT_GPU", "GATELIFT_CONTRACT_MODEL", "HF_TOKEN", "GATELIFT_CONTRACT_SECOND_TOKEN")
SPEC = """\
name: {name}
model: {{id: {model}}}
workspace: {{subscription_id: {subscription}, resource_group: {group}, name: {workspace}}}
endpoint: {{name: {name}{identity}}}
token: {{connection: {name}}}
catalog: {{name: {name}}}
deployment: {{name: {deployment}, instance_type: {size}, engine: {{max_model_len: 2048}}}}
"""


@dataclass
class Stack:
    """A spec in a folder of its own, and the command line that works on it; `environ` leads it to the emulator."""

    folder: Path
    values: dict[str, str]
    tokens: tuple[str, str]
    environ: dict[str, str]

    def write(self, **changes: str) -> None:
        (self.folder / "gatelift.yaml").write_text(SPEC.format(**{**self.values, **changes}))

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        program = [*WITH_A_CONTAINER] if self.environ else ["-m", "infra.cli"]
        environ = {**os.environ, **self.environ, "HF_TOKEN": self.tokens[0], "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, *program, *arguments, "--yes", "--output", "json"],
            cwd=self.folder,
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *arguments: str, stdin: str = "") -> Any:
        """The document that the command prints."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def stack(target: Any, unique: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if target.live and (missing := [name for name in NEEDED if not os.environ.get(name)]):
        pytest.skip(f"gatelift's round trip on Azure needs {', '.join(missing)}")
    given = [os.environ.get(name, "") for name in NEEDED] if target.live else []
    size, model, *tokens = given or ["Standard_NC24ads_A100_v4", "HuggingFaceTB/SmolLM2-135M-Instruct", *TOKENS]
    values = {"subscription": target.subscription, "group": target.group, "workspace": target.workspace}
    values |= {"name": f"trip-{unique}", "model": model, "size": size, "deployment": "blue"}
    identity = os.environ.get("GATELIFT_CONTRACT_IDENTITY", "") if target.live else ""
    wanted = f", identity: {{type: user_assigned, user_assigned_identities: [{identity}]}}"
    values["identity"] = wanted if identity else ""
    stack = Stack(tmp_path_factory.mktemp("stack"), values, (tokens[0], tokens[1]), target.environ)
    stack.write()
    yield stack
    stack.run("down")


@pytest.fixture(scope="module")
def up(stack: Stack) -> Any:
    return stack.done("up")


def serving(stack: Stack) -> dict[str, int]:
    """The deployments that get requests, with their shares."""
    shares: dict[str, int] = stack.done("status")["endpoint"]["traffic"]
    return {name: share for name, share in shares.items() if share}


def test_up(stack: Stack, up: Any) -> None:
    assert up["answer"]
    assert not any(change["action"] != "none" for change in stack.done("plan")["changes"])


def test_status(stack: Stack, up: Any) -> None:
    assert serving(stack) == {"blue": 100}


def test_chat(stack: Stack, up: Any) -> None:
    assert stack.done("chat", "gatelift.yaml", "What is the capital of France?")


def test_rotate_the_token(stack: Stack, up: Any) -> None:
    rotated = stack.run("token", "rotate", "gatelift.yaml", "-", stdin=stack.tokens[1])
    assert rotated.returncode == 0, rotated.stderr
    assert not [token for token in stack.tokens if token in rotated.stdout + rotated.stderr]
    assert stack.done("chat", "gatelift.yaml", "Hello")


def test_a_change_and_the_way_back(stack: Stack, up: Any) -> None:
    stack.write(deployment="green")
    stack.done("up")
    assert serving(stack) == {"green": 100}
    stack.done("rollback")
    assert serving(stack) == {"blue": 100}


def test_down(target: Any, stack: Stack, up: Any) -> None:
    stack.done("down")
    for id in ("onlineEndpoints", "connections"):
        assert target.arm("GET", f"{target.id}/{id}/{stack.values['name']}").status_code == 404
