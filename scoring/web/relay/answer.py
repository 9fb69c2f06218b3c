"""One HTTP/1.1 answer as it comes: its head, where its body ends, and the body without its framing."""

LONGEST_HEAD = 64 * 1024
LONGEST_SIZE = 32  # of the line before a chunk
LINE_END = b"\r\n"


class BadAnswer(Exception):
    """The bytes are no answer of the kind that is read here."""


class Answer:
    """Reads one answer with a content-length or in chunks; what has neither, and interim answers, are refused."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None  # None: in chunks
        self.ended = False
        self.keep_alive = True
        self._left = 0  # of the body, or of a chunk and the line end behind it
        self._last = False  # whether that chunk is the last one
        self._rest = b""  # the beginning of a line that is not whole yet

    def feed(self, data: bytes) -> bytes:
        """Return what of the body is in the next bytes; `status` is set once the head has been read.

        Raises BadAnswer.
        """
        if self.status and self.length is None and not self._left and not self._rest:
            # By far the most frequent: one read is one chunk.
            end = data.find(LINE_END, 0, LONGEST_SIZE)
            size = _size(data[:end]) if end > 0 else 0
            if size and len(data) == end + size + 4 and data.endswith(LINE_END):
                return data[end + 2 : -2]
        if not self.status:
            data = self._head(self._rest + data)
            if not self.status:
                return b""
        if self.ended:
            self.keep_alive = self.keep_alive and not data  # nobody has asked for more
            return b""
        return self._chunks(data) if self.length is None else self._counted(data)

    def _head(self, data: bytes) -> bytes:
        """Read the head if it is whole; return what follows it."""
        head, end, rest = data.partition(b"\r\n\r\n")
        if len(head) > LONGEST_HEAD:
            raise BadAnswer("the head is too long")
        if not end:
            self._rest = data
            return b""
        first, *lines = head.split(LINE_END)
        status = first[9:12]
        if not first.startswith(b"HTTP/1.1 ") or not status.isdigit() or status < b"200":
            raise BadAnswer(f"no answer begins with {first[:40]!r}")
        self.headers = [(name.strip().lower(), value.strip()) for name, _, value in (x.partition(b":") for x in lines)]
        named = dict(self.headers)
        self.keep_alive = named.get(b"connection", b"").lower() != b"close"
        if named.get(b"transfer-encoding", b"").lower() != b"chunked":
            length = named.get(b"content-length", b"")
            if not length.isdigit():
                raise BadAnswer("the answer has no length")
            self.length = self._left = int(length)
            self.ended = not self._left
        self._rest = b""
        self.status = int(status)
        return rest

    def _counted(self, data: bytes) -> bytes:
        body = data[: self._left]
        self._left -= len(body)
        self.ended = not self._left
        self.keep_alive = self.keep_alive and len(body) == len(data)
        return body

    def _chunks(self, data: bytes) -> bytes:
        data, self._rest = self._rest + data, b""
        pieces: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if self._left > 2:
                piece = data[at : at + self._left - 2]
                pieces.append(piece)
                at, self._left = at + len(piece), self._left - len(piece)
            elif self._left:
                line_end = data[at : at + self._left]
                if not LINE_END[2 - self._left :].startswith(line_end):
                    raise BadAnswer("a chunk is longer than its size")
                at, self._left = at + len(line_end), self._left - len(line_end)
            elif self.ended:
                self.keep_alive = False
                break
            else:
                end = data.find(LINE_END, at, at + LONGEST_SIZE)
                if end < 0:
                    if size - at >= LONGEST_SIZE:
                        raise BadAnswer("a chunk has no size")
                    self._rest = data[at:]
                    break
                length = _size(data[at:end])
                at, self._left, self._last = end + 2, length + 2, length == 0
            self.ended = self._last and not self._left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _size(line: bytes) -> int:
    try:
        size = int(line, 16)
    except ValueError as error:
        raise BadAnswer(f"a chunk has the size {line!r}") from error
    if size < 0:
        raise BadAnswer(f"a chunk has the size {line!r}")
    return size
