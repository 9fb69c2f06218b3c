"""How a part of vLLM or uvicorn is recognised that we take the place of: by its source, whatever its version says."""

import hashlib
import inspect
import logging
from collections.abc import Callable, Collection
from typing import Any

logger = logging.getLogger("scoring")


def source_hash(*things: Any) -> str:
    """Hash the source of classes and functions; `OSError` or `TypeError` where one has none."""
    sources = (inspect.getsource(inspect.unwrap(thing)) for thing in things)
    return hashlib.sha256("".join(sources).encode()).hexdigest()[:16]


def is_known(feature: str, parts: Callable[[], tuple[Any, ...]], known: Collection[str], *, of: str = "vLLM") -> bool:
    """Tell whether the parts of a library are ones that a feature was made for; a line of the log says if not."""
    try:
        found = source_hash(*parts())
    except (AttributeError, ImportError, OSError, TypeError) as error:
        logger.info("[%s] off: this %s is not known here (%s)", feature, of, error)
        return False
    if found not in known:
        logger.info("[%s] off: this %s does it in a way that is not known here (%s)", feature, of, found)
        return False
    return True
