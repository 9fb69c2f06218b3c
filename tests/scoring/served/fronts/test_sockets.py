"""The files of the sockets by which the engine's process reaches its fronts."""

from pathlib import Path

from tests.scoring.processes import ScoringServer


def test_they_stay_as_long_as_the_server(chat_server: ScoringServer) -> None:
    """An engine whose threads find no file to connect to, since they come late on a busy machine, never answers."""
    ours = {link.readlink().name for link in Path(f"/proc/{chat_server.pid}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    files = {Path(row[7]) for row in rows if len(row) > 7 and f"socket:[{row[6]}]" in ours and row[7].startswith("/")}
    assert len(files) >= 2
    assert {file for file in files if not file.is_socket()} == set()
