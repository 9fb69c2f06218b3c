"""The state of a response: chat chunks go in, events come out, and the response object stands as of the last one.

The items follow from what the chunks say joined together, never from where they are cut. White space alone makes no
item beside others: models put it between their reasoning, their text and their calls.
"""

from collections.abc import Callable
from typing import Any

from scoring.responses.events.calls import Calls
from scoring.responses.events.chunks import CallPiece, Choice, Chunk
from scoring.responses.events.logprobs import of_text, responses_logprobs
from scoring.responses.events.output import Item, Output
from scoring.responses.events.spoken import REASONING, REFUSAL, TEXT, Kind, Logprobs, Message, Part, Reasoning
from scoring.responses.events.usage import Usage
from scoring.responses.events.writing import Event, Told, Writer
from scoring.responses.tools.calls import Call
from scoring.responses.tools.tools import Tools

CUTS = {"length": "max_output_tokens", "content_filter": "content_filter"}  # finish_reason: of an incomplete response


class Machine:
    """One response from `begin` to its terminal event; `response` is the object as it stands.

    `seal` makes the `encrypted_content` of reasoning, where it is asked for. After the terminal event every method
    returns no events.
    """

    def __init__(
        self,
        response: dict[str, Any],
        tools: Tools,
        new_id: Callable[[str], str],
        now: Callable[[], int],
        seal: Callable[[str], str] | None = None,
    ) -> None:
        self.response = response
        self.tools = tools
        self.waiting: list[Call] = []  # calls of answers before, whose items are open
        self.created = self.begun = self.ended = False  # which of its first and last events have been told
        self.finish: str | None = None  # the finish_reason of the chat answer under way, once it is known
        self.new_id = new_id
        self._now = now
        self._seal = seal
        self._writer = Writer()
        self._output = Output(response["output"], self._writer)
        self._usage = Usage()
        self._next()

    def _next(self) -> None:
        """Be at the beginning of a chat answer."""
        self.finish = None
        self._message: Message | None = None  # or reasoning: the item that is open, if no call is
        self._part: Part | None = None
        self._calls = Calls(self._output, self.tools, self.new_id)
        self._held: list[str] = []  # white space that may be the beginning of an item
        self._held_kind = TEXT
        self._logprobs: Logprobs = []  # of tokens that no text has come of yet
        self._answered = False  # whether there is a message or a call

    @property
    def number(self) -> int:
        """How many events there have been."""
        return self._writer.number

    @property
    def output_tokens(self) -> int:
        """How many tokens the model has made, all answers together."""
        return self._usage.output_tokens

    @property
    def cut(self) -> bool:
        """Whether the response will be incomplete."""
        return self.response["incomplete_details"] is not None

    def queue(self) -> list[Event]:
        """Return `response.created` and `response.queued`, for one that will not begin at once."""
        return self._told_first("queued")

    def begin(self) -> list[Event]:
        """Return `response.created` and `response.in_progress`, or what of them has not been told."""
        if self.begun:
            return []
        self.begun = True
        return self._told_first("in_progress")

    def feed(self, chunk: Chunk) -> list[Event]:
        """Return the events that a chunk of the chat answer amounts to."""
        part = self._part
        if part is not None and part.kind is TEXT and (more := self._only_text(chunk)):
            return [part.feed(more)]
        if self.ended:
            return []
        events: list[Event] = []
        for choice in chunk.choices:
            events += self._feed(choice)
        if chunk.usage is not None:
            reasons = bool(chunk.choices and chunk.choices[0].delta.reasoning)
            self._usage.see(chunk.usage, reasons=reasons)
        return events

    def end_answer(self) -> list[Event]:
        """Return the events that end a chat answer; the response may go on with another one."""
        if self.ended:
            return []
        events = self._close("incomplete" if self.cut else "completed")
        self.waiting += self._calls.waiting
        self._usage.next_answer()
        self._next()
        return events

    def end(self, failure: str = "", code: str = "server_error") -> list[Event]:
        """Return the events that end what is open, and the terminal one; with `failure`, `response.failed`.

        `code` is one of those that OpenAI's document knows.
        """
        if self.ended:
            return []
        status = "failed" if failure else "incomplete" if self.cut else "completed"
        if failure:
            self.response["incomplete_details"] = None
            self.response["error"] = {"code": code, "message": failure}
        return self._end(status, f"response.{status}")

    def cancel(self) -> list[Event]:
        """Return the events that end a response that somebody has cancelled.

        OpenAI's document has no event for it: it is `response.incomplete`, whose response says `cancelled`.
        """
        if self.ended:
            return []
        self.response["incomplete_details"] = None
        return self._end("cancelled", "response.incomplete")

    def _told_first(self, status: str) -> list[Event]:
        if self.ended:
            return []
        self.response["status"] = status
        kinds = (f"response.{status}",) if self.created else ("response.created", f"response.{status}")
        self.created = True
        return self._writer.of_response(kinds, self.response)

    def add(self, item: Item) -> list[Event]:
        """Put in an item that no chunk has told, behind the others; it is open until `done`."""
        return self._output.add(item)

    def tell(self, item: Item, told: list[Told]) -> list[Event]:
        """Return events about an item."""
        return self._output.tell(item, told)

    def write_into(self, call: Call) -> None:
        """Take the text of the next answer for the input of a call whose item is open."""
        self._answered = True
        self._calls.write_into(call)

    def run_out(self) -> None:
        """Take the response for one that has used up its `max_output_tokens`."""
        self.response["incomplete_details"] = {"reason": CUTS["length"]}

    def done(self, item: Item) -> list[Event]:
        """End an item that is open: one that was put in, or a call's that waits."""
        return self._output.done(item)

    def _only_text(self, chunk: Chunk) -> str | None:
        """Return the text of a chunk that says nothing else, as nearly all do; None for any other."""
        if chunk.usage is not None or len(chunk.choices) != 1 or self._held or self._logprobs:
            return None
        choice = chunk.choices[0]
        delta = choice.delta
        if choice.finish_reason or choice.logprobs or delta.reasoning or delta.tool_calls or delta.refusal:
            return None
        return delta.content

    def _feed(self, choice: Choice) -> list[Event]:
        delta, events = choice.delta, []
        if choice.finish_reason is not None:
            self.finish = choice.finish_reason
            if self.finish in CUTS:
                self.response["incomplete_details"] = {"reason": CUTS[self.finish]}
        if delta.reasoning:
            events += self._say(REASONING, delta.reasoning)
            self._logprobs.clear()
        if choice.logprobs is not None and choice.logprobs.content and (delta.content or not delta.reasoning):
            self._logprobs += responses_logprobs(choice.logprobs.content)
        if delta.content:
            events += self._say(TEXT, delta.content)
        if delta.refusal:
            events += self._say(REFUSAL, delta.refusal)
        for piece in delta.tool_calls or ():
            events += self._call(piece)
        return events

    def _say(self, kind: Kind, text: str) -> list[Event]:
        part = self._part
        if part is not None and part.kind is kind:
            self._held.clear()
            return self._more(part, text)
        if (
            kind is TEXT
            and (self._calls.by_text or self.tools.into is not None)
            and (events := self._text_call(text)) is not None
        ):
            return events
        if kind is not self._held_kind:
            self._held.clear()
            self._held_kind = kind
        self._held.append(text)
        return [] if text.isspace() else self._open(kind)

    def _more(self, part: Part, text: str) -> list[Event]:
        if self._logprobs:
            logprobs, self._logprobs = self._logprobs, []
            if part.kind is TEXT:
                return part.feed_with(text, of_text(logprobs, text))
        if part.kind is REASONING and isinstance(self._message, Reasoning):
            return [part.feed(text), *self._message.summary_delta(text)]
        return [part.feed(text)]

    def _open(self, kind: Kind) -> list[Event]:
        """Begin a part with the text that is held, in an item of its own if the open one is of another type."""
        text = "".join(self._held)
        self._held.clear()
        events: list[Event] = []
        if self._message is None or self._message.item["type"] != kind.item:
            events += self._end_message("completed") + self._calls.end("completed")
            self._message = self._new(kind)
            events += self._output.add(self._message.item)
        events += self._message.turn_to(kind)
        self._part = part = self._message.part
        self._answered = self._answered or kind is not REASONING
        return events + (self._more(part, text) if part is not None and text else [])

    def _new(self, kind: Kind) -> Message:
        if kind is not REASONING:
            return Message(self._output, self.new_id("msg"))
        summarise = bool((self.response.get("reasoning") or {}).get("summary"))
        return Reasoning(self._output, self.new_id("rs"), summarise=summarise, seal=self._seal)

    def _call(self, piece: CallPiece) -> list[Event]:
        self._answered = True
        self._held.clear()
        self._logprobs.clear()
        return self._end_message("completed") + self._calls.feed(piece)

    def _text_call(self, text: str) -> list[Event] | None:
        """Return the events of text that is the input of a call; None where it is none."""
        if self._calls.by_text:
            return self._calls.feed_text(None, text)
        call = self.tools.text_call(self.new_id("ctc"), self.new_id("call"))
        if call is None:
            return None
        self._answered = True
        return self._end_message("completed") + self._calls.feed_text(call, text)

    def _close(self, status: str) -> list[Event]:
        """End what is open; an answer of nothing is an empty message, except where it was cut before."""
        events: list[Event] = []
        if not self._answered:
            if self._held and (status != "completed" or self._held_kind is not REASONING):
                events += self._open(self._held_kind)
            elif status == "completed" and self.finish is not None:
                self._held.clear()
                events += self._open(TEXT)
        return events + self._end_message(status) + self._calls.end(status)

    def _end_message(self, status: str) -> list[Event]:
        message, self._message, self._part = self._message, None, None
        return message.end(status) if message is not None else []

    def _end(self, status: str, event: str) -> list[Event]:
        events = [] if self.created else self.begin()
        events += self._close("completed" if status == "completed" else "incomplete")
        for item in list(self._output.open):  # of those that wait for somebody
            if "status" in item:
                item["status"] = "incomplete"
            events += self._output.done(item)
        self.ended = True
        self.response["status"] = status
        self.response["usage"] = self._usage.said()
        if status == "completed":
            self.response["completed_at"] = self._now()
        return events + self._writer.of_response((event,), self.response)


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
        **said,
        "usage": None,  # last: the access log looks for it at the end of what is sent
    }
