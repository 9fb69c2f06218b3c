"""Tool calls in a model's text, in the form of Hermes and Qwen: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.

One reader for streams and for whole answers, so that both say the same. A call is told once its name is known and its
arguments are an object: they are passed on as the model writes them. Whatever else stands between the tags is no call:
it is told as the text that it is.
"""

import json
import re
from dataclasses import dataclass

from scoring.engine.repairs.hermes.open_object import Member, OpenObject

BEGIN, END = "<tool_call>", "</tool_call>"
ARGUMENTS = ("arguments", "parameters")
# What may stand after a call before its closing tag: models write a bracket too many, or several calls in one pair.
BETWEEN = re.compile(r"[\s}\],;]*")


@dataclass(frozen=True)
class Text:
    """Text for the reader."""

    text: str


@dataclass(frozen=True)
class Call:
    """A call begins."""

    name: str


@dataclass(frozen=True)
class Arguments:
    """A piece of the arguments of the call that began last, as JSON."""

    text: str


Piece = Text | Call | Arguments


class CallReader:
    """Reads a model's answer piece by piece; one for each answer."""

    def __init__(self, begin: str = BEGIN, end: str = END) -> None:
        self.calls = 0
        self._begin_tag, self._end_tag = begin, end
        self._pieces: list[Piece] = []
        self._buffer = ""  # not read yet, for what it means depends on what follows
        self._object: OpenObject | None = None
        self._raw = ""  # all that would be text if the object turned out to be no call
        self._sent: int | None = None  # how far the arguments of the open call have been told
        self._between = False  # after a call's object, before its closing tag
        self._space: str | None = ""  # white space that is told only before text; None within text

    def feed(self, text: str) -> list[Piece]:
        """Return what is certain with this piece of text."""
        self._buffer += text
        while self._read_on():
            pass
        return self._taken()

    def finish(self) -> list[Piece]:
        """Return what is left now that nothing more comes: a call that is not one yet is text."""
        if self._object is not None:
            if self._sent is None:
                self._tell(self._raw)
        elif not self._between:
            self._tell(self._buffer)
        if self._space and not self.calls:
            self._pieces.append(Text(self._space))
        return self._taken()

    def _taken(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _read_on(self) -> bool:
        """Read what can be read of the buffer; whether there may be more to read."""
        if not self._buffer:
            return False
        if self._object is not None:
            return self._read_object(self._object)
        return self._read_between() if self._between else self._read_text()

    def _read_text(self) -> bool:
        before, tag, after = self._buffer.partition(self._begin_tag)
        if not tag:
            kept = _overlap(before, self._begin_tag)
            self._tell(before[: len(before) - kept])
            self._buffer = before[len(before) - kept :]
            return False
        self._tell(before)
        self._open(self._begin_tag, after)
        return True

    def _open(self, raw: str, after: str) -> None:
        self._object, self._raw, self._sent, self._buffer = OpenObject(), raw, None, after

    def _read_object(self, call: OpenObject) -> bool:
        piece, self._buffer = self._buffer, ""
        self._raw += piece
        call.feed(piece)
        if self._sent is None and not self._begin(call):
            self._give_up()
            return True
        if self._sent is not None:
            self._pass_on(call)
        if not call.ended and not call.broken:
            return False
        self._object, self._between = None, True
        self._buffer = call.rest if call.ended else call.text[call.at :]
        self._space = ""
        return True

    def _begin(self, call: OpenObject) -> bool:
        """Tell that a call begins if that is certain; whether it may still be one.

        Where the object breaks off later, a stream has told the call already: so does a whole answer.
        """
        name, arguments = call.find("name"), call.find(*ARGUMENTS)
        if name is None or name.end is None:
            return not (call.ended or call.broken)
        said = _value(call, name)
        if not (isinstance(said, str) and said.strip()):
            return False
        if arguments is None:
            return not call.broken and (not call.ended or self._tell_call(said, "{}"))
        if call.text[arguments.begin] == "{":
            self._sent = arguments.begin
            return self._tell_call(said)
        if arguments.end is None:
            return call.text[arguments.begin] == '"'
        text = _object_in(_value(call, arguments))
        if text is None or call.broken:
            return False
        return not call.ended or self._tell_call(said, text)

    def _tell_call(self, name: str, arguments: str = "") -> bool:
        self.calls += 1
        self._pieces.append(Call(name))
        if arguments:
            self._pieces.append(Arguments(arguments))
        return True

    def _pass_on(self, call: OpenObject) -> None:
        arguments = call.find(*ARGUMENTS)
        if arguments is None or self._sent is None:
            return
        upto = call.at if arguments.end is None else arguments.end
        if upto > self._sent:
            self._pieces.append(Arguments(call.text[self._sent : upto]))
            self._sent = upto

    def _give_up(self) -> None:
        """Tell as text what turned out to be no call; a tag after its beginning may still begin one."""
        at = len(self._begin_tag) if self._raw.startswith(self._begin_tag) else 1
        self._object, self._buffer = None, self._raw[at:]
        self._tell(self._raw[:at])

    def _read_between(self) -> bool:
        found = BETWEEN.match(self._buffer)
        after = self._buffer[found.end() :] if found else self._buffer
        if self._end_tag.startswith(after):  # also if nothing is there yet
            if after != self._end_tag:
                return False
            self._buffer = ""
        elif after.startswith(self._end_tag):
            self._buffer = after[len(self._end_tag) :]
        elif after.startswith("{"):
            self._between = False
            self._open("", after)
            return True
        self._between = False
        return True

    def _tell(self, text: str) -> None:
        if self._space is not None:
            text = self._space + text
            if not text.strip():
                self._space = text
                return
            self._space = None
        if text:
            self._pieces.append(Text(text))


def _value(call: OpenObject, member: Member) -> object:
    try:
        return call.value(member)
    except ValueError:
        return ...  # nothing that JSON has


def _object_in(value: object) -> str | None:
    """Return the object that arguments which are none stand for: encoded twice, or left empty."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "{}"
    if not isinstance(value, str):
        return None
    try:
        return value if isinstance(json.loads(value), dict) else None
    except ValueError:
        return None


def _overlap(text: str, tag: str) -> int:
    """Return how many characters at the end of the text may be the beginning of the tag."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)
