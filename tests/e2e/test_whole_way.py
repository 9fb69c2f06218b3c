"""One machine, one model, from nothing to an answer and back to nothing; the tests build on each other in order."""

import json
import os
import signal
import time
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.e2e.machine import Machine
from tests.e2e.processes import command_lines, files_containing, processes_mentioning

SPEC = "smollm2-gated.yaml"
PHASES = ("connection", "image", "environment", "code", "model", "endpoint", "deployment", "traffic")
LOAD_PHASES = ("image", "weights", "engine", "first token")


@pytest.fixture(scope="module")
def spec(machine: Machine) -> str:
    return machine.spec(SPEC)


@pytest.fixture(scope="module")
def first_up(machine: Machine, spec: str, token: str) -> dict[str, Any]:
    result = machine.run("up", spec, "--local", "--yes", "--output", "json", HF_TOKEN=token)
    assert result.returncode == 0, result.stderr
    (machine.folder / "up.log").write_text(result.stderr + result.stdout)
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def connection(machine: Machine, spec: str, first_up: dict[str, Any]) -> dict[str, str]:
    return machine.json("connect", spec, "--local")  # type: ignore[no-any-return]


def test_up_creates_each_resource_and_tells_the_phases(first_up: dict[str, Any]) -> None:
    assert {change["action"] for change in first_up["changes"]} == {"create"}
    told = [phase["kind"] for phase in first_up["phases"]]
    assert [kind for kind in PHASES if kind not in told] == []
    text = json.dumps(first_up["phases"])
    assert [phase for phase in LOAD_PHASES if phase not in text] == []


def test_the_model_answers_an_openai_client(connection: dict[str, str]) -> None:
    assert set(connection) == {"version", "base_url", "scoring_uri", "api_key", "model", "endpoint", "deployment"}
    client = OpenAI(base_url=connection["base_url"], api_key=connection["api_key"])
    answer = client.chat.completions.create(
        model=connection["model"],
        messages=[{"role": "user", "content": "What is the capital of France?"}],
        temperature=0,
        max_tokens=32,
    )
    assert "Paris" in (answer.choices[0].message.content or "")


def test_the_front_end_wants_the_key(connection: dict[str, str]) -> None:
    body = {"model": connection["model"], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    assert httpx.post(connection["scoring_uri"], json=body).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert httpx.post(connection["scoring_uri"], json=body, headers=wrong).status_code == 401


def test_a_bad_request_comes_back_as_424_with_the_servers_own_status(connection: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {connection['api_key']}"}
    answer = httpx.post(connection["scoring_uri"], json={"messages": "no list"}, headers=headers)
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "400")


def test_up_again_changes_nothing(machine: Machine, spec: str, token: str, first_up: dict[str, Any]) -> None:
    again = machine.json("up", spec, "--local", "--yes", HF_TOKEN=token)
    assert {change["action"] for change in again["changes"]} == {"none"}


def test_up_again_needs_no_token(machine: Machine, spec: str, first_up: dict[str, Any]) -> None:
    again = machine.json("up", spec, "--local", "--yes")
    assert {change["action"] for change in again["changes"]} == {"none"}


def test_plan_of_a_converged_stack_exits_0(machine: Machine, spec: str, token: str, first_up: dict[str, Any]) -> None:
    result = machine.run("plan", spec, "--local", "--detailed-exitcode", HF_TOKEN=token)
    assert (result.returncode, "No changes" in result.stdout) == (0, True), result.stdout + result.stderr


def test_a_second_instance_is_an_update_in_place(
    machine: Machine, spec: str, token: str, connection: dict[str, str]
) -> None:
    machine.spec(SPEC, **{"instance_count: 1": "instance_count: 2\n  responses_per_instance: true"})
    planned = machine.run("plan", spec, "--local", "--detailed-exitcode", "--output", "json", HF_TOKEN=token)
    machine.spec(SPEC)
    assert planned.returncode == 2, planned.stderr
    changed = [change for change in json.loads(planned.stdout)["changes"] if change["action"] != "none"]
    assert [(change["kind"], change["action"]) for change in changed] == [("deployment", "update")]
    assert "instance_count" in json.dumps(changed[0]["fields"])


def test_status_and_logs_tell_what_runs(machine: Machine, spec: str, first_up: dict[str, Any]) -> None:
    status = json.dumps(machine.json("status", spec, "--local"))
    assert "Succeeded" in status
    assert "smollm2-demo" in status
    logs = machine.run("logs", spec, "--local").stdout
    assert "[startup] ready" in logs


def test_chat_reads_the_question_from_standard_input(machine: Machine, spec: str, connection: dict[str, str]) -> None:
    process = machine.run("chat", spec, "What is the capital of France?", "--local")
    assert "Paris" in process.stdout


def test_the_token_is_nowhere_but_in_the_vault(
    machine: Machine, spec: str, token: str, connection: dict[str, str]
) -> None:
    everything = [
        machine.run(*command, HF_TOKEN=token)
        for command in (
            ("plan", spec, "--local", "--output", "json"),
            ("status", spec, "--local", "--output", "json"),
            ("logs", spec, "--local", "--tail", "5000"),
            ("catalog", "list", spec, "--local", "--output", "json"),
            ("emulator", "status", "--output", "json"),
            ("token", "verify", spec, "--local", "--output", "json"),
        )
    ]
    assert [result.args for result in everything if token in result.stdout + result.stderr] == []
    assert [command for _, command in command_lines() if token in command] == []
    leaks = files_containing(token, machine.folder)
    assert [path.suffix for path in leaks] in ([".db"], [".sqlite"], [".sqlite3"]), leaks
    assert oct(leaks[0].stat().st_mode & 0o777) == "0o600"


def test_a_killed_scoring_process_is_restarted(machine: Machine, spec: str, connection: dict[str, str]) -> None:
    victims = [pid for pid, command in processes_mentioning("score.py").items() if "score.py" in command]
    assert victims, "no scoring process found"
    for pid in victims:
        if str(machine.folder) in command_and_folder(pid):
            os.kill(pid, signal.SIGKILL)
    headers = {"Authorization": f"Bearer {connection['api_key']}"}
    body = {"model": connection["model"], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    seen = set()
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        status = httpx.post(connection["scoring_uri"], json=body, headers=headers, timeout=60).status_code
        seen.add(status)
        if status == 200 and 424 in seen:
            break
        time.sleep(0.1)
    assert seen >= {424, 200}
    assert '"restarts": 1' in json.dumps(machine.json("status", spec, "--local"))


def command_and_folder(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd") + dict(command_lines()).get(pid, "")
    except OSError:
        return ""


def test_down_removes_what_it_owns_and_nothing_else(machine: Machine, spec: str, token: str, first_up: Any) -> None:
    plan = machine.json("down", spec, "--local", "--yes")
    assert {change["action"] for change in plan["changes"]} <= {"delete", "none"}
    after = machine.json("plan", spec, "--local", HF_TOKEN=token)
    actions = {change["kind"]: change["action"] for change in after["changes"]}
    assert {actions[kind] for kind in ("endpoint", "deployment", "connection")} == {"create"}


def test_stopping_the_emulator_leaves_no_process(machine: Machine) -> None:
    assert machine.run("emulator", "stop").returncode == 0
    assert processes_mentioning(str(machine.folder)) == {}
