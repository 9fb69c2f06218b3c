"""How a part of vLLM is recognised that we take the place of: by its source, whatever its version says."""

import hashlib
import inspect
import logging
from collections.abc import Callable, Collection
from typing import Any

logger = logging.getLogger("scoring")


def source_hash(thing: Any) -> str:
    """Hash the source of a class or function; `OSError` or `TypeError` where it has none."""
    return hashlib.sha256(inspect.getsource(inspect.unwrap(thing)).encode()).hexdigest()[:16]


def is_known(feature: str, parts: Callable[[], tuple[Any, ...]], known: Collection[tuple[str, ...]]) -> bool:
    """Tell whether vLLM's parts are ones that a feature was made for; a line of the log says where they are not."""
    try:
        found = tuple(source_hash(part) for part in parts())
    except (AttributeError, OSError, TypeError) as error:
        logger.info("[%s] off: this vLLM is not known here (%s)", feature, error)
        return False
    if found not in known:
        logger.info("[%s] off: this vLLM does it in a way that is not known here %s", feature, found)
        return False
    return True
