"""How a file is cut into blocks, and what the blocks are called.

A name says what is in the block, so that a later run sees which blocks need not be sent again. All names are equally
long, as the service demands of the blocks of one blob.
"""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from infra.errors import GateliftError

MIB = 1 << 20
SENT, COPIED = 8 * MIB, 64 * MIB  # of a block that goes through this machine, and of one that the service fetches
LARGEST, MOST = 100 * MIB, 50_000
MEMORY = 192 * MIB  # of all blocks that are in memory at once
MOST_THREADS = 8


class Block(Struct, frozen=True):
    """A part of a file."""

    index: int
    start: int
    size: int


def block_size(size: int, usual: int = SENT) -> int:
    """The size of the blocks of a file, in whole MiB; raises `GateliftError` for one that no blob can hold."""
    if size > LARGEST * MOST:
        raise GateliftError(f"a file of {size} bytes is too large for a blob", code="too_large")
    needed = -(-size // MOST)
    return max(usual, -(-needed // MIB) * MIB)


def blocks_of(size: int, each: int) -> Iterator[Block]:
    """The blocks of a file, in their order."""
    for index, start in enumerate(range(0, size, each)):
        yield Block(index, start, min(each, size - start))


def threads_for(each: int) -> int:
    """How many blocks of this size are sent at once: two for each thread are in memory at most."""
    return max(1, min(MOST_THREADS, MEMORY // (2 * each)))


def named_by_file(digest: str, block: Block, each: int) -> str:
    """The name of a block of a file whose hash is known and checked before its blocks are sent."""
    return f"f{block.index:06}{_short(f'{digest}:{each}')}"


def named_by_content(block: Block, md5: bytes) -> str:
    """The name of a block that is known only once it was read."""
    return f"s{block.index:06}{md5.hex()}"


def named_by_source(digest: str, block: Block, each: int) -> str:
    """The name of a block that the service fetches from the Hub."""
    return f"c{block.index:06}{_short(f'{digest}:{each}')}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
