"""Asks a server for responses, and checks whatever it answers."""

import json
import os
from dataclasses import dataclass
from typing import Any

import httpx

from tests.scoring.responses.checking import FINAL, check_events, check_response, read_events

# How many requests and how many conversations are drawn: these, or 1500,300 where somebody has the time.
REQUESTS, CONVERSATIONS = map(int, os.environ.get("GATELIFT_GENERATED", "200,40").split(","))
AT_ONCE = 6
ITS_OWN = {
    "id", "created_at", "completed_at", "call_id", "encrypted_content", "cached_tokens", "cache_write_tokens",
    # Beside tools, vLLM's chunks leave out those of tokens that are half a letter, or do not, as time has it.
    "logprobs",
}  # fmt: skip


@dataclass
class Server:
    """One model on a running server."""

    client: httpx.Client
    model: str

    def ask(self, body: Any, **more: Any) -> httpx.Response:
        """Ask for a response."""
        # Not `json=`: it refuses what clients of other languages send, such as half of a surrogate pair.
        content = json.dumps({"model": self.model, **body, **more})
        return self.client.post("/v1/responses", content=content, headers={"content-type": "application/json"})


def check(server: Server, answer: httpx.Response) -> tuple[int, Any]:
    """Return status and document of an answer, which is valid, and kept as it was told."""
    sent = answer.request.content[:3000]
    assert answer.status_code < 500, (sent, answer.text)
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert error.keys() >= {"message", "type", "param", "code"}, (sent, error)
        assert 0 < len(error["message"]) < 600, (sent, error)
        return answer.status_code, error
    if answer.headers["content-type"].startswith("text/event-stream"):
        document = check_events(read_events(answer.content))
    else:
        document = answer.json()
        check_response(document)
    assert document["status"] in FINAL, (sent, document)
    assert document["status"] != "failed", (sent, document)
    kept = server.client.get(f"/v1/responses/{document['id']}")
    if document["store"]:
        assert kept.json() == document, sent
    else:
        assert kept.status_code == 404, sent
    return 200, document


def shape(value: Any) -> Any:
    """Return a document without what differs each time: ids, times, what was cached, and how likely all was."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items() if name not in ITS_OWN}
    return [shape(member) for member in value] if isinstance(value, list) else value


def said_alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two responses say the same.

    A chunk of a chat answer has its text before its calls. Where a model has written text behind a call and both come
    in one chunk, on a busy machine, the text is told before the call.
    """
    return shape(one) == shape(other) or ((_behind_calls(one) or _behind_calls(other)) and _words(one) == _words(other))


def _behind_calls(response: dict[str, Any]) -> bool:
    kinds = [item["type"] for item in response["output"]]
    return "message" in kinds[1:] or "<tool_call>" in _words(response)[0]


def _words(response: dict[str, Any]) -> tuple[str, list[Any]]:
    said = [item for item in response["output"] if item["type"] in ("message", "reasoning")]
    texts = "".join(part["text"] for item in said for part in item["content"])
    return texts, [shape(item) for item in response["output"] if item not in said]
