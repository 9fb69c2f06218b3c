"""A JSON object that is still being written: which of its members are there, and how far the last one has come."""

import json
import re
from dataclasses import dataclass
from typing import Any

IN_STRING = re.compile(r'["\\\x00-\x1f]')
IN_VALUE = re.compile(r'["{}\[\]]')
SCALAR = re.compile(r"[^\s,{}\[\]\":]+")
SPACE = " \t\r\n"


@dataclass
class Member:
    """One member of the object: its name, and where its value begins and ends in the text; None while it is open."""

    name: str
    begin: int
    end: int | None = None


class OpenObject:
    """Reads one JSON object piece by piece; whatever the pieces, it comes to the same.

    `text` is what has been read of it, with the control characters in its strings escaped as JSON wants them; `rest`
    is what came after its end; `broken` says that this is no object.
    """

    def __init__(self) -> None:
        self.text = ""
        self.rest = ""
        self.at = 0  # everything before has been looked at
        self.members: list[Member] = []
        self.ended = False
        self.broken = False
        self._depth = 0
        self._quote = -1  # where the string begins that we are in
        self._wants = "name"  # what comes next on the object's own level: name, colon, value, comma
        self._name = ""

    def feed(self, piece: str) -> None:
        """Read on."""
        self.text += piece
        while not self.ended and not self.broken and self.at < len(self.text):
            before = self.at
            if self._quote >= 0:
                self._read_string()
            elif self._depth > 1:
                self._read_inside()
            else:
                self._read_own_level()
            if self.at == before:
                return  # the next piece must come first
        if self.ended:
            self.text, self.rest = self.text[: self.at], self.rest + self.text[self.at :]

    def find(self, *names: str) -> Member | None:
        """Return the first member with one of these names."""
        return next((member for member in self.members if member.name in names), None)

    def value(self, member: Member) -> Any:
        """Return the value of a member that has ended; raises ValueError where it is no JSON."""
        return json.loads(self.text[member.begin : member.end])

    def _read_string(self) -> None:
        found = IN_STRING.search(self.text, self.at)
        if found is None:
            self.at = len(self.text)
        elif found[0] == "\\":
            self.at = min(found.end() + 1, len(self.text)) if found.end() < len(self.text) else found.start()
        elif found[0] == '"':
            self.at = found.end()
            begin, self._quote = self._quote, -1
            if self._depth == 1:
                self._end_string(begin)
        else:
            escaped = json.dumps(found[0])[1:-1]
            self.text = self.text[: found.start()] + escaped + self.text[found.end() :]
            self.at = found.start() + len(escaped)

    def _end_string(self, begin: int) -> None:
        if self._wants == "value":
            self._end_value()
            return
        try:
            self._name = str(json.loads(self.text[begin : self.at]))
        except ValueError:
            self.broken = True
        self._wants = "colon"

    def _end_value(self) -> None:
        self.members[-1].end = self.at
        self._wants = "comma"

    def _read_inside(self) -> None:
        found = IN_VALUE.search(self.text, self.at)
        if found is None:
            self.at = len(self.text)
            return
        self.at = found.end()
        if found[0] == '"':
            self._quote = found.start()
            return
        self._depth += 1 if found[0] in "{[" else -1
        if self._depth == 1:
            self._end_value()

    def _read_own_level(self) -> None:
        sign = self.text[self.at]
        if sign in SPACE:
            self.at += 1
        elif self._depth == 0:
            self._depth, self.broken = 1, sign != "{"
            self.at += 1
        elif self._wants == "value":
            self._begin_value(sign)
        elif sign == '"' and self._wants == "name":
            self._quote = self.at
            self.at += 1
        elif sign == ":" and self._wants == "colon":
            self._wants = "value"
            self.at += 1
        elif sign == "," and self._wants == "comma":
            self._wants = "name"
            self.at += 1
        elif sign == "}" and self._wants in ("name", "comma"):
            self.ended = True
            self.at += 1
        else:
            self.broken = True

    def _begin_value(self, sign: str) -> None:
        if sign in '"{[':
            self.members.append(Member(self._name, self.at))
            if sign == '"':
                self._quote = self.at
            else:
                self._depth += 1
            self.at += 1
            return
        found = SCALAR.match(self.text, self.at)
        if found is None:
            self.broken = True
        elif found.end() < len(self.text):  # else more of it may come
            self.members.append(Member(self._name, self.at))
            self.at = found.end()
            self._end_value()
