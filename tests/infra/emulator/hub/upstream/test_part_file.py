"""Two processes that fetch the same file at the same time do not write into each other's."""

import hashlib
from pathlib import Path

from infra.emulator.hub.upstream.part_file import PartFile

CONTENT = b"weights " * 1000


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / hashlib.sha256(CONTENT).hexdigest()
    first, second = PartFile(blob, len(CONTENT)), PartFile(blob, len(CONTENT))
    first.open(lambda: None)
    first.write(CONTENT[:100])
    second.open(lambda: None)
    second.write(CONTENT)
    assert first.path != second.path
    first.write(CONTENT[100:])
    for part in (second, first):
        assert part.is_right()
        part.keep()
        part.close()
    assert [path.name for path in blob.parent.iterdir()] == [blob.name]
    assert blob.read_bytes() == CONTENT


def test_what_an_earlier_run_left_is_gone_on_with_and_hashed(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / hashlib.sha256(CONTENT).hexdigest()
    begun = PartFile(blob, len(CONTENT))
    begun.open(lambda: None)
    begun.write(CONTENT[:5000])
    begun.close()
    again = PartFile(blob, len(CONTENT))
    again.open(lambda: None)
    assert again.size == 5000
    again.write(CONTENT[5000:])
    assert again.is_right()
    again.close()


def test_what_is_longer_than_the_file_is_begun_anew(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / ("a" * 64)
    too_much = PartFile(blob, 10)
    too_much.open(lambda: None)
    too_much.write(b"x" * 11)
    too_much.close()
    again = PartFile(blob, 10)
    again.open(lambda: None)
    assert again.size == 0
    again.close()
