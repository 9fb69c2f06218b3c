"""One request of our own to the Rust front, over its Unix socket."""

import asyncio


async def ask_front(socket_path: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """Return the status and the body of the answer; raises OSError where the front is gone or breaks off."""
    reader, writer = await asyncio.open_unix_connection(socket_path)
    try:
        # HTTP/1.0: the answer comes without chunks, and ends with the connection.
        head = f"{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    head_bytes, end, content = answer.partition(b"\r\n\r\n")
    status = head_bytes[9:12]
    if not end or not status.isdigit():
        raise ConnectionError(f"the front answered {answer[:80]!r}")
    return int(status), content
