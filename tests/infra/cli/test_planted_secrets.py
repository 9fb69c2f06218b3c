"""Secrets are planted wherever one may lie; then every command runs, and none of them is in anything that it writes."""

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import main
from infra.emulator import launcher
from infra.operations.up import UpResult
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.portal import Portal
from infra.spec.model import to_values
from tests.infra.cli.commands.test_json import COMMANDS
from tests.infra.cli.conftest import Answer, clean_environ, environment
from tests.infra.operations.conftest import GOOD, SEED, Bench

PLANTED = {
    "DB_PASSWORD": "variable/pass+word=zq1zq",
    "PLAIN_SETTING": "set by a person zq2zq",
    "WITH_LINES": 'first line zq3zq\nsecond "line" zq3zq',
    "tag": "tagged-secret-value-zq4zq",
    "description": "ghp_descriptionsecretzq5zqabcd",
    "other key": "another-key-of-it-zq6zq",
    "model tag": "model-tagged-secret-zq7zq",
    "sas": "S%2BasSignaturezq8zq%3D",
}
PARTS = (
    "zq1zq",
    "zq2zq",
    "zq3zq",
    "zq4zq",
    "zq5zq",
    "zq6zq",
    "zq7zq",
    "zq8zq",
    "zq9zq",
    "goodtoken001",
    "secondtoken2",
)
QUOTED = json.dumps({"DB_PASSWORD": PLANTED["DB_PASSWORD"], "api_key": PLANTED["tag"], "HF_TOKEN": GOOD})
BARE = " | ".join(value for name, value in PLANTED.items() if name != "sas")
SAS = f"https://store.blob.core.windows.net/c/b?sv=2024&sig={PLANTED['sas']}&se=1"
# `connect` prints the key for which it was asked, and the emulator's own commands end the story.
OTHERS = {"emulator stop", "emulator reset", "down", "init"}
ASKED_FOR = {"connect"}


class Machine:
    """An emulator with a stack whose parts hold secrets that a person put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environ = clean_environ(folder)
        (folder / "seed.json").write_text(json.dumps(SEED))
        self.portal = Portal(launcher.start(folder / "state", seed=folder / "seed.json").portal)
        with environment(environ):
            bench = Bench(environ, Sources(Path(__file__).parents[1] / "container", bundled("environments") / "vllm"))
            self.spec = bench.spec(
                "planted",
                catalog={"tags": {"team": "ours"}},
                deployment={"responses_per_instance": True},  # one of the commands scales to two instances
            )
            self.result: UpResult = bench.up(self.spec)
            self.arm, self.workspace = bench.target(self.spec).arm, bench.target(self.spec).workspace
            self.plant()
            self.key = self.arm.post(f"{self.workspace.endpoint('planted-endpoint')}/listKeys")["primaryKey"]
        (folder / "spec.yaml").write_text(json.dumps(to_values(self.spec)))
        before = to_values(self.spec)
        before["deployment"] = {**before["deployment"], "environment_variables": {"MY_API_KEY": "${PLANTED_KEY}"}}
        (folder / "other.yaml").write_text(json.dumps(before))

    def plant(self) -> None:
        self.change(
            self.workspace.deployment("planted-endpoint", self.spec.deployment.name),
            {k: PLANTED[k] for k in ("DB_PASSWORD", "PLAIN_SETTING", "WITH_LINES")},
        )
        endpoint = self.arm.get(self.workspace.endpoint("planted-endpoint")) or {}
        endpoint["tags"]["api_key"] = PLANTED["tag"]
        endpoint["properties"]["description"] = f"log in with {PLANTED['description']}"
        self.wait(self.workspace.endpoint("planted-endpoint"), endpoint)
        connection = self.arm.get(self.workspace.connection("HuggingFaceTokenConnection")) or {}
        keys = {"HF_TOKEN": f"{GOOD}\n", "OTHER": PLANTED["other key"]}
        connection["properties"]["credentials"] = {"keys": keys}
        self.arm.put(self.workspace.connection("HuggingFaceTokenConnection"), connection)
        for model in self.arm.list(f"{self.workspace.id}/models"):
            for version in self.arm.list(f"{model['id']}/versions"):
                version["properties"]["tags"]["vendor_secret"] = PLANTED["model tag"]
                version["properties"]["tags"]["note"] = "password: noted-zq9zq"
                version["properties"]["description"] = "a model; api_key=described-zq9zq"
                self.arm.put(version["id"], {"properties": version["properties"]})

    def change(self, id: str, variables: dict[str, str]) -> None:
        deployment = self.arm.get(id) or {}
        deployment["properties"]["environmentVariables"] |= variables
        self.wait(id, deployment)

    def wait(self, id: str, document: dict[str, Any]) -> None:
        operation = self.arm.begin_put(id, document)
        while not self.arm.poll(operation).done:
            pass

    def run(self, *arguments: str, **environ: str) -> Answer:
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            environment(clean_environ(self.folder, GATELIFT_DEBUG="1", **environ)),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            code = main([*arguments, "--local", "--yes"])
        return Answer(code, stdout.getvalue(), stderr.getvalue())

    def found(self, answer: Answer, *allowed: str) -> list[str]:
        """What is seen of the secrets: in what was printed, and in each file outside the emulator's state."""
        seen = answer.stdout + answer.stderr
        kept = {"seed.json"}
        for file in self.folder.rglob("*"):
            if file.is_file() and file.name not in kept and not file.is_relative_to(self.folder / "state"):
                seen += file.read_text(errors="replace")
        return [part for part in (*PARTS, self.key) if part in seen and part not in allowed]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("planted"))
    yield machine
    launcher.stop(machine.folder / "state")


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.fixture
def faults(machine: Machine) -> Iterator[Callable[..., Any]]:
    yield lambda **rule: machine.portal.add_fault({"path": ".", **rule})
    machine.portal.clear_faults()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in OTHERS])
def test_no_command_shows_a_planted_secret(machine: Machine, command: str, form: str) -> None:
    answer = machine.run(*command.split(), *COMMANDS[command][0].split(), "--output", form)
    assert machine.found(answer, *([machine.key] if command in ASKED_FOR else [])) == [], answer


def test_the_key_that_was_asked_for_is_shown(machine: Machine) -> None:
    assert machine.run("connect", "spec.yaml", "--output", "json").document["api_key"] == machine.key
    assert machine.key in machine.run("connect", "spec.yaml").stdout


def test_a_change_shows_by_its_fingerprint_and_the_saved_plan_is_private(machine: Machine) -> None:
    saved = machine.folder / "plan.json"
    saved.write_text("{}")
    saved.chmod(0o644)
    machine.change(machine.workspace.deployment("planted-endpoint", machine.spec.deployment.name), {
        key: PLANTED[key] for key in ("DB_PASSWORD", "PLAIN_SETTING")
    })  # fmt: skip
    answer = machine.run("plan", "spec.yaml", "--out", "plan.json", "--output", "json", HF_TOKEN="hf_secondtoken2")
    assert saved.stat().st_mode & 0o777 == 0o600
    assert machine.found(answer) == []
    changes = {change["kind"]: change for change in answer.document["changes"]}
    shown = {one["path"]: one["before"] for one in changes["deployment"]["diff"]}
    for name in ("DB_PASSWORD", "PLAIN_SETTING"):
        assert shown[f"environment_variables.{name}"].startswith("(hidden, ")
    machine.change(machine.workspace.deployment("planted-endpoint", machine.spec.deployment.name), {
        "DB_PASSWORD": f"{PLANTED['DB_PASSWORD']}x"
    })  # fmt: skip
    again = machine.run("plan", "spec.yaml", "--output", "json").document["changes"]
    after = {one["path"]: one["before"] for change in again for one in change["diff"]}
    assert after["environment_variables.DB_PASSWORD"] != shown["environment_variables.DB_PASSWORD"]
    assert after["environment_variables.PLAIN_SETTING"] == shown["environment_variables.PLAIN_SETTING"]


def test_a_secret_of_the_spec_s_own_environment_is_not_shown_either(machine: Machine) -> None:
    answer = machine.run("plan", "other.yaml", "--out", "other-plan.json", PLANTED_KEY="spec-secret-zq1zq-value")
    assert "environment_variables.MY_API_KEY: (hidden, " in answer.stdout
    assert machine.found(answer) == []


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("command", ["plan", "adopt", "up", "status", "logs", "token verify", "catalog list", "doctor"])
@pytest.mark.parametrize("skip", [0, 4])
def test_no_error_shows_what_it_quotes_by_name(
    machine: Machine, faults: Callable[..., Any], command: str, form: str, skip: int
) -> None:
    faults(status=400, code="BadRequest", message=f"refused: {QUOTED} {SAS}", skip=skip)
    answer = machine.run(*command.split(), "spec.yaml", "--output", form, HF_TOKEN=GOOD)
    assert machine.found(answer) == [], answer


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("command", "rule"),
    [
        pytest.param("up", {"method": "PUT", "path": "/onlineEndpoints/"}, id="refused"),
        pytest.param("up", {"method": "PUT", "path": "/onlineEndpoints/", "operation": True}, id="failed"),
        pytest.param("token rotate", {"method": "PUT", "path": "/deployments/"}, id="while-rotating"),
        pytest.param("logs", {"method": "POST", "path": "/getLogs"}, id="while-reading-logs"),
    ],
)
def test_no_error_shows_what_this_run_has_seen(
    machine: Machine, faults: Callable[..., Any], command: str, form: str, rule: dict[str, Any]
) -> None:
    machine.plant()
    seen = [PLANTED[name] for name in ("DB_PASSWORD", "PLAIN_SETTING", "WITH_LINES")]
    seen += [PLANTED["tag"], PLANTED["description"]] if command == "up" else []
    message = f"cannot apply {' | '.join(seen)} {' '.join(map(repr, seen))} {QUOTED}"
    answer_with = {"status": 400, "code": "BadRequest", "message": message}
    if rule.get("operation"):
        answer_with = {"operation": {"code": "BadRequest", "message": message}}
    faults(**{**rule, **answer_with})
    answer = machine.run(*command.split(), "spec.yaml", "--output", form, HF_TOKEN=GOOD)
    assert "cannot apply" in answer.stderr, answer
    assert machine.found(answer) == [], answer
