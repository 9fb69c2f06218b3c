"""Reads that have begun before their answers are needed, and are sent once however often they are asked for."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from infra.azure.cloud import Management
from infra.parallel import Task


class ReadAhead:
    """Resource Manager as it was when each thing was first asked for; what changes something goes straight on."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._lock = threading.Lock()
        self._begun: dict[tuple[Any, ...], Task] = {}

    def get(self, id: str, **settings: Any) -> dict[str, Any] | None:
        """The resource; every caller shares one answer."""
        return self._once(("GET", id, settings), lambda: self._management.get(id, **settings)).result()  # type: ignore[no-any-return]

    def list(self, id: str, *, query: Mapping[str, str] | None = None, **settings: Any) -> list[Any]:
        """The collection; every caller shares one answer."""
        key = ("LIST", id, query, settings)
        found = self._once(key, lambda: self._management.list(id, query=query, **settings)).result()
        return list(found)

    def post(self, id: str, body: Any = None, **settings: Any) -> dict[str, Any]:
        """Run an action, unless `begin_action` has."""
        with self._lock:
            begun = self._begun.get(_key("POST", id))
        return begun.result() if begun and body is None else self._management.post(id, body, **settings)

    def begin_action(self, id: str) -> None:
        """Ask for what an action such as `…/listKeys` tells; an error comes when it is asked for."""
        self._once(("POST", id), lambda: self._management.post(id))

    def put(self, id: str, body: Any, **settings: Any) -> dict[str, Any]:
        """Create or replace a resource."""
        return self._management.put(id, body, **settings)

    def delete(self, id: str, **settings: Any) -> None:
        """Delete a resource."""
        self._management.delete(id, **settings)

    def begin_put(self, id: str, body: Any) -> Any:
        """Begin to create or replace a resource."""
        return self._management.begin_put(id, body)

    def begin_patch(self, id: str, body: Any) -> Any:
        """Begin to change a resource."""
        return self._management.begin_patch(id, body)

    def begin_delete(self, id: str) -> Any | None:
        """Begin to delete a resource."""
        return self._management.begin_delete(id)

    def _once(self, what: tuple[Any, ...], call: Callable[[], Any]) -> Task:
        key = _key(*what)
        with self._lock:
            if key not in self._begun:
                self._begun[key] = Task(call)
            return self._begun[key]


def _key(*what: Any) -> tuple[Any, ...]:
    return tuple(tuple(sorted(part.items())) if isinstance(part, Mapping) else part for part in what)
