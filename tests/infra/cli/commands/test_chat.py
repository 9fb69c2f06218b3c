"""A chat in the terminal: the answer on stdout, everything else on stderr."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from infra.cli.commands.chat import ask, one_question, spec_and_message
from infra.cli.terminal.invocation import Invocation
from infra.cli.terminal.output import OutputFormat
from infra.errors import GateliftError
from infra.operations.chat import ChatClient
from infra.operations.connect import ConnectInfo

INFO = ConnectInfo("http://127.0.0.1:1/v1", "http://127.0.0.1:1/", "key-1", "org/model", "e", "d")
ANSWER = (
    'data: {"choices": [{"delta": {"reasoning": "Let me see."}}]}\n\n'
    'data: {"choices": [{"delta": {"content": "Pa"}}]}\n\n'
    'data: {"choices": [{"delta": {"content": "ris\\u001b[2J"}, "finish_reason": "length"}]}\n\n'
    "data: [DONE]\n\n"
)
CONVERSATION = """
import httpx, json, sys
from infra.cli.commands.chat import converse
from infra.operations.chat import ChatClient
from infra.cli.terminal.invocation import Invocation
from infra.operations.connect import ConnectInfo

def answer(request):
    messages = json.loads(request.content)["messages"]
    if messages[-1]["content"] == "break":
        return httpx.Response(400, json={"error": {"message": "too long"}})
    text = "+".join(message["content"] for message in messages)
    choice = {"delta": {"content": text}, "finish_reason": "stop"}
    return httpx.Response(200, text=f"data: {json.dumps({'choices': [choice]})}\\n\\n")

info = ConnectInfo("http://127.0.0.1:1/v1", "", "k", "org/model", "e", "d")
with ChatClient(info, transport=httpx.MockTransport(answer)) as client:
    converse(Invocation(), client, [])
"""


def client(text: str) -> ChatClient:
    return ChatClient(INFO, transport=httpx.MockTransport(lambda request: httpx.Response(200, text=text)))


def test_the_answer_alone_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with client(ANSWER) as chat:
        answer = ask(Invocation(), chat, [{"role": "user", "content": "?"}])
    stdout, stderr = capsys.readouterr()
    assert stdout == "Paris\\x1b[2J\n"
    assert stderr.startswith("Let me see.\n")
    assert "warning: the answer was cut" in stderr
    assert answer.content == "Paris\x1b[2J"


def test_json_mode_writes_no_token_by_token(capsys: pytest.CaptureFixture[str]) -> None:
    with client(ANSWER) as chat:
        ask(Invocation(output=OutputFormat.JSON), chat, [])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("first", "second", "spec", "message"),
    [
        pytest.param("here.yaml", None, "here.yaml", None, id="spec"),
        pytest.param("here", None, "here", None, id="spec-without-suffix"),
        pytest.param("mistyped.yaml", None, "mistyped.yaml", None, id="no-such-spec"),
        pytest.param("Who are you? And I?", None, "gatelift.yaml", "Who are you? And I?", id="message"),
        pytest.param("9/3 is 3. Yes?", None, "gatelift.yaml", "9/3 is 3. Yes?", id="message-like-a-path"),
        pytest.param("any", "hello", "any", "hello", id="both"),
    ],
)
def test_one_argument_that_is_no_file_is_the_message(
    first: str, second: str | None, spec: str, message: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here.yaml", "here"):
        (tmp_path / name).touch()
    assert spec_and_message(Path(first), second) == (Path(spec), message)


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(GateliftError) as refused:
        one_question("  \n")
    assert refused.value.code == "message_missing"


def test_a_conversation_remembers_and_survives_a_refusal() -> None:
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONVERSATION], stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    os.write(person, b"one\n\nbreak\ntwo\n\x04")
    stdout, stderr = process.communicate(timeout=30)
    os.close(person)
    os.close(terminal)
    answers = [line for line in stdout.replace("> ", "").splitlines() if line.strip()]
    assert answers == ["one", "one+one+two"]
    assert "error: the endpoint answered 400: too long" in stderr
    assert process.returncode == 0
