"""How a part of vLLM is recognised that we take the place of: by its source, whatever its version says."""

import hashlib
import inspect
from typing import Any


def source_hash(thing: Any) -> str:
    """Hash the source of a class or function; `OSError` or `TypeError` where it has none."""
    return hashlib.sha256(inspect.getsource(inspect.unwrap(thing)).encode()).hexdigest()[:16]
