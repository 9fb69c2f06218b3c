"""The state of a response: chat chunks go in, events come out, and the response object stands as of the last one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scoring.responses.events.chunks import Chunk
from scoring.responses.tools.tools import Tools

Event = bytes  # as it is sent: "event: …\ndata: …\n\n"; its place among all of a response is its sequence_number


@dataclass
class Machine:
    """One response from `begin` to its terminal event; `response` is the object as it stands."""

    response: dict[str, Any]
    tools: Tools
    new_id: Callable[[str], str]
    now: Callable[[], int]
    number: int = 0
    text: list[str] = field(default_factory=list)
    item: dict[str, Any] | None = None
    ended: bool = False

    def queue(self) -> list[Event]:
        """Return `response.created` and `response.queued`: a response in the background waits for its place."""
        return [self._told("response.created"), self._told("response.queued")]

    def begin(self) -> list[Event]:
        """Return `response.created`, unless it is told, and `response.in_progress`."""
        self.response["status"] = "in_progress"
        created = [] if self.number else [self._told("response.created")]
        return [*created, self._told("response.in_progress")]

    def feed(self, chunk: Chunk) -> list[Event]:
        """Return the events that a chunk of the chat answer amounts to."""
        events: list[Event] = []
        if chunk.usage:
            self._count(chunk.usage)
        for choice in chunk.choices:
            if choice.delta.content:
                events += self._text(choice.delta.content)
            if choice.finish_reason == "length":
                self.response["incomplete_details"] = {"reason": "max_output_tokens"}
        return events

    def end(self, failure: str = "") -> list[Event]:
        """Return the events that end what is open, and the terminal one; with `failure`, `response.failed`."""
        if self.ended:
            return []
        self.ended = True
        cut = self.response["incomplete_details"] is not None
        status = "failed" if failure else "incomplete" if cut else "completed"
        events = self._close("incomplete" if status != "completed" else "completed")
        self.response["status"] = status
        if failure:
            self.response["error"] = {"code": "server_error", "message": failure}
        if status == "completed":
            self.response["completed_at"] = self.now()
        return [*events, self._told(f"response.{status}")]

    def _text(self, delta: str) -> list[Event]:
        events = []
        if self.item is None:
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            self.item = {
                "type": "message", "id": self.new_id("msg"), "status": "in_progress", "role": "assistant", "content": []
            }  # fmt: skip
            self.response["output"].append(self.item)
            events = [
                self._event("response.output_item.added", output_index=0, item=self.item),
                self._event(
                    "response.content_part.added", item_id=self.item["id"], output_index=0, content_index=0, part=part
                ),
            ]
            self.item["content"].append(part)
        self.text.append(delta)
        place = {"item_id": self.item["id"], "output_index": 0, "content_index": 0}
        return [*events, self._event("response.output_text.delta", **place, delta=delta, logprobs=[])]

    def _close(self, status: str) -> list[Event]:
        if self.item is None:
            return []
        part = self.item["content"][0]
        part["text"] = "".join(self.text)
        self.item["status"] = status
        place = {"item_id": self.item["id"], "output_index": 0, "content_index": 0}
        return [
            self._event("response.output_text.done", **place, text=part["text"], logprobs=[]),
            self._event("response.content_part.done", **place, part=part),
            self._event("response.output_item.done", output_index=0, item=self.item),
        ]

    def _count(self, usage: dict[str, Any]) -> None:
        self.response["usage"] = {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        }

    def _told(self, kind: str) -> Event:
        return self._event(kind, response=self.response)

    def _event(self, kind: str, **members: Any) -> Event:
        document = {"type": kind, "sequence_number": self.number, **members}
        self.number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(document))


def new_response(id: str, created_at: int, said: dict[str, Any]) -> dict[str, Any]:
    """Return the response object before anything has happened."""
    return {
        "id": id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "queued",
        "incomplete_details": None,
        "error": None,
        "output": [],
        "usage": None,
        **said,
    }
