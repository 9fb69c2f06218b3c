"""One stack whose model changes from test to test: `up`, ask it as an openai client, kill its container."""

import json
import os
import signal
import subprocess
import time
from typing import Any

import httpx
from openai import OpenAI

from tests.e2e.machine import Machine

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
ENGINE = {"max_model_len": 512, "max_num_seqs": 4, "enforce_eager": True}
RESTART_SECONDS = 240


class Stack:
    """A stack on a machine; `flags` are those of each command, and `portal` is the emulator's that it is on."""

    def __init__(self, machine: Machine, portal: str, *flags: str) -> None:
        self.machine, self.portal, self.flags = machine, portal, flags

    def write(self, **model: Any) -> None:
        """Write the spec with this model."""
        spec = {
            "name": "any",
            "model": model,
            "workspace": {
                "subscription_id": "00000000-0000-0000-0000-000000000001",
                "resource_group": "gatelift",
                "name": "local",
            },
            "endpoint": {"name": "any-model"},
            "deployment": {"instance_type": "Standard_NC24ads_A100_v4", "engine": ENGINE},
        }
        (self.machine.folder / "any.yaml").write_text(json.dumps(spec))

    def run(self, command: str, *more: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the spec."""
        return self.machine.run(command, "any.yaml", *self.flags, *more, **environ)

    def up(self, **environ: str) -> dict[str, str]:
        """Apply the spec; returns the action for each kind of resource."""
        done = self.run("up", "--yes", "--output", "json", **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return {change["kind"]: change["action"] for change in json.loads(done.stdout)["changes"]}

    def client(self) -> OpenAI:
        """A client of the endpoint."""
        told = json.loads(self.run("connect", "--output", "json").stdout)
        return OpenAI(base_url=told["base_url"], api_key=told["api_key"], max_retries=0)

    def names(self) -> set[str]:
        """The models that the endpoint serves."""
        return {model.id for model in self.client().models.list()}

    def answers(self) -> dict[str, str]:
        """What each model of the endpoint says to the same question."""
        client, said = self.client(), {}
        for name in sorted(self.names()):
            answer = client.chat.completions.create(model=name, messages=QUESTION, temperature=0, max_tokens=12)
            said[name] = answer.choices[0].message.content or ""
        return said

    def instance(self) -> dict[str, Any]:
        """The one instance, as the portal shows it; one that is not ready while there is none, or a second one."""
        found = httpx.get(f"{self.portal}/instances", trust_env=False).json()
        return dict(found[0]) if len(found) == 1 else {"ready": False, "restarts": 0}

    def wait_until_ready(self, restarts: int = 0) -> None:
        """Return once the instance is ready, after so many restarts."""
        deadline = time.monotonic() + RESTART_SECONDS
        while not ((seen := self.instance())["ready"] and seen["restarts"] >= restarts):
            assert time.monotonic() < deadline, seen
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill the container without warning, and wait for the next one."""
        before = self.instance()
        os.kill(before["pid"], signal.SIGKILL)
        self.wait_until_ready(before["restarts"] + 1)
