"""Reads the text of a custom tool's input out of the arguments `{"input": "…"}`, which come in pieces."""

import json
import re

BEGINNING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
PLAIN = re.compile(r'[^"\\]+')
UNIT = re.compile(r"\\u([0-9a-fA-F]{4})")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
REPLACEMENT = "\ufffd"  # for half of a surrogate pair: no text that can be sent


class InputReader:
    """The input as text: what `feed` and `finish` return joined is the same for any pieces of the same arguments."""

    def __init__(self) -> None:
        self._waiting = ""  # arguments that are not read yet
        self._inside = False
        self._ended = False

    def feed(self, piece: str) -> str:
        """Return the text that this piece of the arguments adds."""
        if self._ended:
            return ""
        self._waiting += piece
        if not self._inside:
            beginning = BEGINNING.match(self._waiting)
            if beginning is None:
                return ""
            self._inside = True
            self._waiting = self._waiting[beginning.end() :]
        return self._read()

    def finish(self, *, cut: bool) -> str:
        """Return the text that arguments in another form stand for; none if they are `cut`, and none that was fed."""
        if self._ended or self._inside:
            return ""
        self._ended = True
        return "" if cut else input_of(self._waiting)

    def _read(self) -> str:
        texts: list[str] = []
        place = 0
        while place < len(self._waiting) and not self._ended:
            plain = PLAIN.match(self._waiting, place)
            if plain:
                texts.append(plain[0])
                place = plain.end()
            elif self._waiting[place] == '"':
                self._ended = True
            else:
                text, end = _escaped(self._waiting, place)
                if end == place:
                    break
                texts.append(text)
                place = end
        self._waiting = self._waiting[place:]
        return "".join(texts)


def _escaped(text: str, place: int) -> tuple[str, int]:
    """Return what the escape at a place says and where it ends: at its beginning if it is not whole yet."""
    mark = text[place + 1 : place + 2]
    if mark != "u":
        return (ESCAPES.get(mark, mark), place + 2) if mark else ("", place)
    high = _unit(text, place)
    if high is None:
        return ("", place) if len(text) < place + 6 else (REPLACEMENT, place + 2)
    if not 0xD800 <= high < 0xE000:
        return chr(high), place + 6
    if high >= 0xDC00:
        return REPLACEMENT, place + 6
    following = text[place + 6 : place + 12]
    if len(following) < 6 and "\\u".startswith(following[:2]):
        return "", place
    low = _unit(text, place + 6)
    if low is None or not 0xDC00 <= low < 0xE000:
        return REPLACEMENT, place + 6
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), place + 12


def _unit(text: str, place: int) -> int | None:
    found = UNIT.match(text, place)
    return int(found[1], 16) if found else None


def input_of(arguments: str) -> str:
    """Return the input that whole arguments stand for: the member `input`, the only text there is, or all as it is."""
    try:
        value = json.loads(arguments, strict=False)
    except ValueError:
        return arguments
    if isinstance(value, dict) and len(value) > 1 and isinstance(value.get("input"), str):
        value = value["input"]
    elif isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    text = value if isinstance(value, str) else arguments
    return sendable(text)


def sendable(text: str) -> str:
    """Return a text that can be sent: halves of surrogate pairs joined, or replaced where one stands alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
