"""What `connect` prints for people can be pasted as it is."""

import json
import shlex

from infra.cli.commands.connect import connect_text
from infra.operations.connect import ConnectInfo

INFO = ConnectInfo("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/chat/completions", "k3y", "org/m", "e", "blue")


def test_the_curl_call_is_complete() -> None:
    words = shlex.split(connect_text(INFO).split("\n\n")[1])
    assert words[:2] == ["curl", "http://127.0.0.1:8000/v1/chat/completions"]
    assert "Authorization: Bearer k3y" in words
    assert json.loads(words[words.index("-d") + 1])["model"] == "org/m"


def test_the_python_program_is_one() -> None:
    program = connect_text(INFO).split("\n\n", 2)[2]
    compile(program, "snippet", "exec")
    assert 'base_url="http://127.0.0.1:8000/v1", api_key="k3y"' in program
