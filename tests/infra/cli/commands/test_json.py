"""Every command prints exactly one JSON object, with its version, on a stack whose container starts at once."""

import contextlib
import io
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.cli.app import app
from infra.cli.main import main
from infra.cli.reference import all_commands
from infra.spec.model import to_values
from tests.infra.cli.conftest import GATELIFT, Answer, clean_environ, environment
from tests.infra.cli.machines import machine
from tests.infra.model_folders import LLAMA, write_model
from tests.infra.operations.conftest import GOOD

PROFILE = {
    *("resource_manager", "ca_bundle", "hub", "identity_endpoint", "portal", "pid", "state", "tenant_id"),
    "environment",
}
TOKEN = {"connection", "key", "action", "fingerprint"}
STATUS = {
    "other_endpoints",
    "autoscale",
    "cost",
    *("stack", "parked", "local", "workspace", "endpoint", "deployments", "connection", "models", "drift"),
    *("catalog", "instances", "warnings"),
}
SIZES = {
    *(
        "model",
        "why",
        "revision",
        "region",
        "region_given",
        "currency",
        "prices_note",
        "instance_type",
        "context",
        "concurrency",
    ),
    *("gpu_memory_utilization", "architecture", "weights", "best", "quantized", "sizes", "notes"),
}
BENCH = {"model", "url", "deployments", "prompts", "date", "objectives", "kept", "runs", "files"}
ERROR = {"error"}
SCALED = {"stack", "endpoint", "deployment", "instance_type", "before", "after", "cost", "remarks"}
PARKED = {"stack", "endpoint", "parked", "since", "reason", "deployments", "saves", "wake_seconds"}
WOKEN = {"stack", "endpoint", "woken", "parked_since", "deployments", "traffic", "seconds", "phases"}
ENTRY = {"name", "catalog", "model_version", "model", "visible", "invisible_until", "description", "owner", "tags"}
# Each command with its arguments, the exit code and the keys beside `version`; they run in this order.
COMMANDS: dict[str, tuple[str, int, set[str]]] = {
    "init": ("--file new.yaml", 0, {"file", "name", "model", "endpoint", "instance_type", "max_model_len", "why"}),
    "size": ("./model", 0, SIZES),
    "doctor": ("spec.yaml", 0, {"ok", "checks"}),
    "plan": ("spec.yaml", 0, {"stack", "changes", "cost"}),
    "up": ("spec.yaml --plan none.json", 1, ERROR),  # tests/e2e runs one with vLLM
    "rollback": ("spec.yaml", 1, ERROR),  # there is one deployment
    "adopt": ("spec.yaml", 0, {"stack", "changes", "adopted"}),
    "list": ("spec.yaml", 0, {"subscription_id", "resource_group", "workspace", "stacks", "untagged", "cost"}),
    "status": ("spec.yaml", 0, STATUS),
    "logs": ("spec.yaml", 0, {"container", "deployment", "lines"}),
    "chat": ("spec.yaml hello", 0, {"model", "message", "finish_reason", "usage"}),
    "connect": ("spec.yaml", 0, {"base_url", "scoring_uri", "api_key", "model", "endpoint", "deployment"}),
    "bench": ("spec.yaml --requests 2 --report bench.html --save bench.json", 0, BENCH),
    "token set": ("spec.yaml", 0, TOKEN),
    "token verify": ("spec.yaml", 0, {"user", "role", "source", "model", "access", "connection"}),
    "token rotate": ("spec.yaml", 0, {*TOKEN, "deployment", "rolled", "left"}),
    "image build": ("spec.yaml", 0, {"image", "base", "built"}),
    "catalog publish": ("spec.yaml", 0, {*ENTRY, "card"}),
    "catalog list": ("spec.yaml --all", 0, {"entries"}),
    "catalog show": ("spec.yaml", 0, {*ENTRY, "card"}),
    "catalog hide": ("spec.yaml --until 2126-01-16T00:00:00Z", 0, ENTRY),
    "catalog reveal": ("spec.yaml", 0, ENTRY),
    "hub pull": ("org/gated --all-files", 0, {"id", "commit", "files", "bytes", "folder"}),
    "hub list": ("", 0, {"models"}),
    "hub rm": ("org/none", 1, ERROR),
    "emulator start": ("", 0, PROFILE),
    "emulator status": ("", 0, PROFILE),
    "emulator token": ("", 1, ERROR),  # the seed has no demo user
    "emulator inspect": ("", 0, {"resources"}),
    "emulator fault add": ("--path none --status 503", 0, {"faults"}),
    "emulator fault list": ("", 0, {"faults"}),
    "emulator fault clear": ("", 0, {"faults"}),
    "unlock": ("spec.yaml", 0, {"stack", "locks"}),
    "explain": ("", 0, {"codes"}),
    "scale": ("spec.yaml 1", 0, SCALED),  # it has one already
    "park": ("spec.yaml", 0, PARKED),
    "wake": ("spec.yaml", 0, WOKEN),
    "down": ("spec.yaml", 0, {"stack", "changes", "saves"}),
    "emulator stop": ("", 0, {"stopped"}),
    "emulator reset": ("", 0, {"removed"}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine with an emulator and a stack on it."""
    folder = tmp_path_factory.mktemp("machine")
    with machine(folder) as bench:
        with environment(bench.environ):
            spec = bench.spec("json")
            bench.up(spec)
        write_model(folder / "model", LLAMA)
        (folder / "spec.yaml").write_text(json.dumps(to_values(spec)))  # JSON is YAML, too
        yield folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Runs a command in JSON mode inside this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*arguments: str) -> Answer:
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            environment(clean_environ(folder, HF_TOKEN=GOOD)),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            code = main([*arguments, "--local", "--yes", "--output", "json"])
        return Answer(code, stdout.getvalue(), stderr.getvalue())

    return run


def test_a_followed_log_is_one_object_for_each_line(folder: Path) -> None:
    process = subprocess.Popen(
        [*GATELIFT, "logs", "spec.yaml", "--follow", "--local", "--output", "json"],
        cwd=folder,
        env=clean_environ(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    process.send_signal(signal.SIGINT)
    lines += process.communicate(timeout=30)[0].splitlines()
    *logged, last = [json.loads(line) for line in lines]
    assert {document["version"] for document in (*logged, last)} == {1}
    assert {(document["container"], bool(document["line"])) for document in logged} == {("inference-server", True)}
    assert (process.returncode, last["error"]["code"]) == (130, "interrupted")


@pytest.mark.parametrize("command", COMMANDS)
def test_one_object_with_its_version(run: Callable[..., Answer], command: str) -> None:
    arguments, code, keys = COMMANDS[command]
    answer = run(*command.split(), *arguments.split())
    [line] = answer.stdout.splitlines()
    document = json.loads(line)
    assert (answer.code, set(document)) == (code, {"version", *keys}), answer
    assert (next(iter(document)), document["version"]) == ("version", 1)


def test_no_command_is_missing_above() -> None:
    paths = [re.split(r" [\[A-Z]", path.removeprefix("gatelift "))[0] for path, _ in all_commands("gatelift", app)]
    assert sorted(paths) == sorted(COMMANDS)


def test_a_workspace_is_listed_by_its_name_too(run: Callable[..., Answer]) -> None:
    where = ("--subscription-id", "00000000-0000-0000-0000-000000000001", "--resource-group", "group")
    launched = run("emulator", "start")
    assert launched.code == 0
    answer = run("list", *where, "--workspace", "nowhere")
    assert (answer.code, answer.document["error"]["code"]) == (1, "workspace_not_found")
    assert run("list", *where).code == 2
    assert run("list", "spec.yaml", *where, "--workspace", "x").code == 2
    run("emulator", "stop")
