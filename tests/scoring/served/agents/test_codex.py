"""Codex CLI: its recorded requests are sent as they are, and where there is a Codex it is run, unmodified.

The recordings in `codex/` have long texts cut short and ids numbered. GATELIFT_CODEX names the program to run it.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scoring.served.agents.stage import Stage
from tests.scoring.served.agents.transcripts import called, exchanged, input_tokens, lines, prompt_tokens

CODEX = os.environ.get("GATELIFT_CODEX", "")
PATCH = "*** Begin Patch\n*** Add File: new.txt\n+hi\n*** End Patch\n"
CONFIG = """
model = "{model}"
model_provider = "gatelift"
model_instructions_file = "{home}/instructions.md"
include_permissions_instructions = false
web_search = "disabled"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[analytics]
enabled = false

[features]
multi_agent = false
goals = false

[skills.bundled]
enabled = false

[model_providers.gatelift]
name = "gatelift"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "CODEX_KEY"
request_max_retries = 0
stream_max_retries = 0
"""


def recorded(name: str) -> dict[str, Any]:
    """Return a recording: a request, and the items that were after its own in the next."""
    recording: dict[str, Any] = json.loads((Path(__file__).parent / "codex" / f"{name}.json").read_text())
    return recording


def sent(stage: Stage, model: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{stage.url}/v1/responses", json={**body, "model": model}, timeout=120)


@pytest.mark.parametrize(
    ("name", "script"),
    [
        pytest.param("shell", called("exec_command", cmd="cat note.txt"), id="shell"),
        pytest.param("namespace", called("multi_agent_v1__close_agent", target="a1"), id="namespace"),
        pytest.param("patch", called("apply_patch", input=PATCH), id="patch-by-a-grammar"),
    ],
)
def test_a_recorded_session(stage: Stage, chat_model: str, name: str, script: str) -> None:
    recording = recorded(name)
    body, then = recording["request"], recording["then"]
    stage.play(script, "All done.")
    sent(stage, chat_model, body)
    sent(stage, chat_model, {**body, "input": [*body["input"], *then]})
    first, second = stage.over()
    (call,) = first.answer["output"]
    wanted = next(item for item in then if item["type"].endswith("_call"))
    told = ("type", "status", "name", "namespace", "input")
    assert {key: call.get(key) for key in told} == {key: wanted.get(key) for key in told}
    assert as_json(call) == as_json(wanted)
    assert lines(second.answer["output"]) == ["assistant: All done."]
    chats = (as_chat(body["input"], script), as_chat([*body["input"], *then], script))
    assert input_tokens([first, second]) == [prompt_tokens(stage.server_url, chat_model, chat) for chat in chats]


def as_json(call: dict[str, Any]) -> Any:
    return json.loads(call["arguments"]) if "arguments" in call else None


def as_chat(items: list[dict[str, Any]], script: str) -> list[dict[str, Any]]:
    """Return the conversation as a chat: one system message before all; what was thought is told with the call."""
    said_first = [item["content"] for item in items if item.get("role") == "developer"]
    texts = [parts[0]["text"] for parts in said_first]
    several = [{"type": "text", "text": part["text"]} for parts in said_first for part in parts]
    plain = len(several) == len(texts)
    chat: list[dict[str, Any]] = [{"role": "system", "content": "\n\n".join(texts) if plain else several}]
    thought = {}
    for item in items[len(said_first) :]:
        if item["type"] == "message":
            parts = [{"type": "text", "text": part["text"]} for part in item["content"]]
            chat.append({"role": item["role"], "content": parts})
        elif item["type"] == "reasoning":
            thought = {"reasoning": item["content"][0]["text"]}
        elif item["type"].endswith("_output"):
            chat.append({"role": "tool", "tool_call_id": "c", "content": item["output"]})
        else:
            said = json.loads(script.removeprefix("<tool_call>").removesuffix("</tool_call>"))
            function = {"name": said["name"], "arguments": item.get("arguments") or json.dumps(said["arguments"])}
            calls = [{"id": "c", "type": "function", "function": function}]
            chat.append({"role": "assistant", "content": None, "tool_calls": calls, **thought})
    return chat


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("tool-search", "tools.8.type", id="tool-search"),
        pytest.param("additional-tools", "input.0.type", id="tools-as-an-item"),
    ],
)
def test_what_is_declared_to_models_of_openai_alone(stage: Stage, chat_model: str, name: str, place: str) -> None:
    # Codex declares these only to models whose names it knows to be OpenAI's: they are refused, and by their place.
    answer = sent(stage, chat_model, recorded(name)["request"])
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == place


@pytest.mark.skipif(not CODEX, reason="GATELIFT_CODEX names no Codex CLI to run; its recorded requests were sent")
def test_the_program_runs_a_command_and_reads_its_output(stage: Stage, chat_model: str, tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    (work / "note.txt").write_text("hello\n")
    (home / "instructions.md").write_text("You help.")
    (home / "config.toml").write_text(CONFIG.format(model=chat_model, home=home, url=stage.url))
    stage.play(called("exec_command", cmd="cat note.txt"), "All done.")
    ran = subprocess.run(
        [CODEX, "exec", "--json", "--skip-git-repo-check", "Read note.txt"],
        cwd=work, env={**os.environ, "CODEX_HOME": str(home), "CODEX_KEY": "unused"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    done = [event["item"] for event in map(json.loads, ran.stdout.splitlines()) if event["type"] == "item.completed"]
    (command,) = [item for item in done if item["type"] == "command_execution"]
    assert (command["aggregated_output"], command["exit_code"]) == ("hello\n", 0)
    assert [item["text"] for item in done if item["type"] == "agent_message"] == ["All done."]

    (asked, came), (asked_again, came_again) = exchanged(stage.over())
    assert (asked[0], asked[-1]) == ("developer: You help.", "user: Read note.txt")
    assert came == ['call exec_command {"cmd": "cat note.txt"}']
    assert asked_again[:-1] == [*asked, *came]
    assert asked_again[-1].startswith("output: Chunk ID: ")
    assert asked_again[-1].endswith("Process exited with code 0\nOriginal token count: 2\nOutput:\nhello\n")
    assert came_again == ["assistant: All done."]
