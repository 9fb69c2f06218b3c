"""Refuses bodies that vLLM's request models fall over: their validators trust some values to be of the right type.

Such a body (`"structured_outputs": true`) is the client's mistake, for which vLLM answers with a line of Python, often
as a 500.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from scoring.problems import Problem

# Of bodies in which the field at fault is looked for: the model reads them once for each field.
MOST_BYTES = 64 << 10
MOST_FIELDS = 100


class Reading(IntEnum):
    """How a model reads a document."""

    FINE = 0
    REFUSED = 1  # in words of its own
    FALLS_OVER = 2


class BodyModels:
    """What one app of vLLM reads the bodies of its routes with, by path."""

    def __init__(self, app: Any) -> None:
        from pydantic import TypeAdapter  # it takes its time: not before we listen

        handled: list[Any] = [kind for kind in app.exception_handlers if isinstance(kind, type)]
        self._refusals = (ValueError, *(kind for kind in handled if kind not in (Exception, TypeError)))
        self._models: dict[str, TypeAdapter[Any]] = {}
        for route in app.routes:
            bodies = getattr(getattr(route, "dependant", None), "body_params", [])
            if len(bodies) == 1:
                self._models[route.path] = TypeAdapter(bodies[0].field_info.annotation)

    def check(self, path: str, document: Mapping[str, Any], size: int) -> None:
        """Refuse a document (of `size` bytes) that cannot be read at all; vLLM's app tells of a model's refusals."""
        model = self._models.get(path)
        if model is None or self._read(model, document) is not Reading.FALLS_OVER:
            return
        name = self._culprit(model, document) if size <= MOST_BYTES and len(document) <= MOST_FIELDS else None
        raise Problem(400, f"{name or 'The body'} is, or holds, a value of a wrong type.", param=name)

    def _culprit(self, model: Any, document: Mapping[str, Any]) -> str | None:
        """Return the field without which the rest can be read, or is refused at least."""
        without = {name: self._read(model, document, leave_out=name) for name in document}
        name = min(without, key=lambda name: without[name], default=None)
        return None if name is None or without[name] is Reading.FALLS_OVER else name

    def _read(self, model: Any, document: Mapping[str, Any], leave_out: str | None = None) -> Reading:
        try:
            # A new one: vLLM's validators write into what they are given.
            model.validate_python({name: value for name, value in document.items() if name != leave_out})
        except self._refusals:
            return Reading.REFUSED
        except Exception:  # whatever a wrong type leads to
            return Reading.FALLS_OVER
        return Reading.FINE
