"""A walk through everything inside a JSON value."""

from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def members(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value below `node` with its path, in no particular order."""
    level = [(path, node)]
    while level:
        above, value = level.pop()
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in pairs:
            place = (*above, str(key))
            yield place, child
            if isinstance(child, dict | list):
                level.append((place, child))
