"""How the command line starts, refuses and ends: exit codes, streams, signals."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.main import report_error, report_unexpected
from infra.cli.terminal.output import Output, OutputFormat
from infra.errors import OperationFailed

TOKEN = "hf_" + "abcdefghij" * 3


def test_alone_it_shows_its_help(inside: Callable) -> None:
    answer = inside()
    assert (answer.code, answer.stderr) == (0, "")
    assert answer.stdout == inside("--help").stdout
    assert "Provision:" in answer.stdout


@pytest.mark.parametrize("group", ["token", "catalog", "emulator"])
def test_a_group_alone_shows_its_help(inside: Callable, group: str) -> None:
    answer = inside(group)
    assert (answer.code, answer.stderr) == (0, "")
    assert f"Usage: gatelift {group}" in answer.stdout


def test_the_version_is_one_line(gatelift: Callable) -> None:
    answer = gatelift("--version")
    assert (answer.code, answer.stderr) == (0, "")
    assert answer.stdout.startswith("gatelift 0.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["plam"], "Did you mean 'plan'", id="unknown-command"),
        pytest.param(["up", "--quick"], "--quick", id="unknown-option"),
        pytest.param(["plan", "--output", "xml"], "xml", id="unknown-format"),
        pytest.param(["catalog", "hide"], "--until", id="missing-option"),
        pytest.param(["logs", "--tail", "0"], "--tail", id="out-of-range"),
        pytest.param(["logs", "--tail", "all"], "'all' is not a valid integer", id="no-number"),
        pytest.param(["chat", "--temperature", "nan"], "'nan' is not a valid number", id="not-a-number"),
        pytest.param(["logs", "--container", "other"], "'inference-server', 'storage-initializer'", id="no-choice"),
        pytest.param(["plan", "a.yaml", "b.yaml"], "b.yaml", id="one-argument-too-many"),
        pytest.param(["--show-completion", "tcsh"], "'tcsh' is not one of 'bash'", id="unknown-shell"),
    ],
)
def test_wrong_usage_exits_2_and_says_where_help_is(inside: Callable, arguments: list[str], said: str) -> None:
    answer = inside(*arguments)
    assert (answer.code, answer.stdout) == (2, "")
    assert said in answer.stderr
    assert "\n\nhint: `gatelift" in answer.stderr
    assert "--help` shows the arguments" in answer.stderr


def test_wrong_usage_of_a_detailed_plan_does_not_look_like_changes(inside: Callable) -> None:
    assert inside("plan", "--detailed-exitcode", "--quick").code == 1


def test_a_missing_spec_is_one_message_and_a_way_out(inside: Callable) -> None:
    answer = inside("plan", "none.yaml")
    assert (answer.code, answer.stdout) == (1, "")
    assert answer.stderr.startswith("error: none.yaml")
    assert "\n\nhint: " in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "error_code"),
    [
        pytest.param(["plan", "none.yaml"], 1, "invalid_spec", id="failure"),
        pytest.param(["plan", "--quick"], 2, "usage", id="usage"),
        pytest.param(["up", TOKEN], 1, "secret_in_argument", id="secret"),
    ],
)
@pytest.mark.parametrize(
    "how",
    [["--output", "json"], ["--output=json"], ["-o", "json"], ["-yo", "json"], ["-ojson"]],
    ids=["two", "one", "short", "behind-a-flag", "joined"],
)
def test_json_mode_tells_errors_as_one_document(
    inside: Callable, arguments: list[str], code: int, error_code: str, how: list[str]
) -> None:
    answer = inside(*arguments, *how)
    assert answer.code == code
    assert set(answer.document) == {"version", "error"}
    assert set(answer.document["error"]) == {"code", "message", "hint", "log", "request_id"}
    assert answer.document["error"]["code"] == error_code
    assert answer.document["error"]["message"] in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["token", "set", "spec.yaml", "hf_secret1"], id="as-an-argument"),
        pytest.param(["up", f"--token={TOKEN}"], id="as-an-option's-value"),
        pytest.param(["up", "--token", TOKEN], id="after-an-option"),
        pytest.param(["chat", "spec.yaml", f"my token is {TOKEN}"], id="inside-a-message"),
        pytest.param(["token", "set", "spec.yaml", "another-secret"], id="a-token-of-another-shape"),
        pytest.param(["token", "set", "spec.yaml", "-", "another-secret"], id="one-argument-more"),
        pytest.param(["token", "set", "spec.yaml", "--token-fd", "another-secret"], id="in-place-of-a-descriptor"),
    ],
)
def test_a_token_as_an_argument_is_refused_without_repeating_it(inside: Callable, arguments: list[str]) -> None:
    answer = inside(*arguments, "--output", "json")
    assert answer.code != 0
    for secret in ("hf_secret1", TOKEN, "another-secret"):
        assert secret not in answer.stdout + answer.stderr
    assert "argument" in answer.stderr


def test_the_token_of_the_environment_is_refused_as_an_argument_whatever_its_shape(
    inside: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "plainsecret")
    answer = inside("chat", "spec.yaml", "what is plainsecret")
    assert answer.code == 1
    assert "plainsecret" not in answer.stdout + answer.stderr


def test_an_error_brings_its_log_lines_and_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    error = OperationFailed(
        "it failed", hint="look", code="ResourceNotReady", cause="memory", request_id="r-1", log=("line 1", TOKEN)
    )
    assert report_error(Output(OutputFormat.JSON), error) == 1
    stdout, stderr = capsys.readouterr()
    assert (
        stderr.index("line 1")
        < stderr.index("error: ResourceNotReady: it failed (request id r-1)")
        < stderr.index("hint: look")
    )
    assert json.loads(stdout) == {
        "version": 1,
        "error": {
            "code": "ResourceNotReady",
            "message": "it failed",
            "hint": "look",
            "cause": "memory",
            "log": ["line 1", "hf_…"],
            "request_id": "r-1",
        },
    }
    assert TOKEN not in stderr


def test_what_nobody_foresaw_is_one_line_and_a_place_to_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATELIFT_DEBUG", raising=False)
    assert report_unexpected(Output(OutputFormat.TEXT), KeyError(f"a\nb {TOKEN}")) == 1
    stderr = capsys.readouterr().err
    message, blank, hint = stderr.splitlines()
    assert message.startswith("error: unexpected KeyError: ")
    assert blank == ""
    assert "GATELIFT_DEBUG=1" in hint
    assert "/issues" in hint
    assert TOKEN not in stderr
    monkeypatch.setenv("GATELIFT_DEBUG", "1")
    report_unexpected(Output(OutputFormat.TEXT), KeyError("a"))
    assert "KeyError: 'a'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminated"]
)
def test_a_signal_ends_it_with_one_line(spawn: Callable, number: signal.Signals, code: int) -> None:
    process = spawn("token", "rotate", "spec.yaml", "-", "--output", "json", stdin=subprocess.PIPE)
    wait_until_it_catches(process.pid, number)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert json.loads(stdout)["error"]["code"] == "interrupted"
    assert stderr.strip().startswith(
        f"stopped by {number.name}; nothing is lost: run `gatelift token rotate spec.yaml - "
    )
    assert len(stderr.strip().splitlines()) == 1


def wait_until_it_catches(pid: int, number: signal.Signals) -> None:
    """Poll /proc until the process has a handler of its own for the signal."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        if all(caught & (1 << (each - 1)) for each in (signal.SIGTERM, number)):
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} never caught {number.name}")


@pytest.mark.parametrize("command", [["plan", "none.yaml"], ["bogus"]], ids=["an-error", "wrong-usage"])
def test_an_error_that_nobody_reads_is_no_traceback(spawn: Callable, command: list[str]) -> None:
    process = spawn(*command, "--output", "json", stdout=subprocess.PIPE)
    process.stdout.close()  # before anything is written to it
    stderr = process.stderr.read()
    assert (process.wait(30), "Traceback" in stderr) == (141, False)


def test_an_error_without_room_for_it_is_one_error(gatelift: Callable) -> None:
    with Path("/dev/full").open("w") as full:
        answer = gatelift("plan", "none.yaml", "--output", "json", stdout=full)
    assert answer.code == 1
    assert "Traceback" not in answer.stderr
    assert "standard output cannot be written: No space left" in answer.stderr


@pytest.mark.parametrize("output", ["text", "json"])
def test_an_output_without_room_is_one_error(gatelift: Callable, output: str) -> None:
    with Path("/dev/full").open("w") as full:
        answer = gatelift("explain", "OutOfQuota", "--output", output, stdout=full)
    assert answer.code == 1
    assert "standard output cannot be written: No space left" in answer.stderr
    assert not {"unexpected", "ignored"} & set(answer.stderr.split())


def test_a_reader_that_goes_away_is_no_complaint(gatelift: Callable) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    answer = gatelift("init", stdout=writer)
    os.close(writer)
    assert (answer.code, answer.stderr) == (141, "")


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_breaks_nothing(gatelift: Callable, closed: int) -> None:
    answer = gatelift("plan", "nothing.yaml", preexec_fn=lambda: os.close(closed))
    assert answer.code == 1
    assert "Traceback" not in answer.stderr
    assert ("nothing.yaml: no such file" in answer.stderr) == (closed != 2)
