"""Starts reads before their answers are needed, and sends each read only once."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from infra.azure.cloud import Management
from infra.parallel import Task

READING_ACTIONS = ("/listsecrets",)


class ReadAhead:
    """A `Management` that remembers every answer to a read; requests that change something are passed on.

    Its answers are out of date as soon as something has changed.
    """

    def __init__(self, management: Management) -> None:
        self._management = management
        self._lock = threading.Lock()
        self._tasks: dict[tuple[Any, ...], Task] = {}

    def get(self, id: str, **settings: Any) -> dict[str, Any] | None:
        """The resource, or None; all callers share one answer."""
        return self._once(("GET", id, settings), lambda: self._management.get(id, **settings)).result()  # type: ignore[no-any-return]

    def list(self, id: str, *, query: Mapping[str, str] | None = None, **settings: Any) -> list[Any]:
        """The items of the collection; all callers share one answer."""
        key = ("LIST", id, query, settings)
        found = self._once(key, lambda: self._management.list(id, query=query, **settings)).result()
        return list(found)

    def post(self, id: str, body: Any = None, **settings: Any) -> dict[str, Any]:
        """Run an action, or return the answer to it if it only reads or `begin_action` has started it."""
        if body is None and id.endswith(READING_ACTIONS):
            return self._once(("POST", id), lambda: self._management.post(id)).result()  # type: ignore[no-any-return]
        with self._lock:
            task = self._tasks.get(_key("POST", id))
        return task.result() if task and body is None else self._management.post(id, body, **settings)

    def begin_action(self, id: str) -> None:
        """Start an action such as `…/listKeys`; `post` returns its answer or raises its error."""
        self._once(("POST", id), lambda: self._management.post(id))

    def put(self, id: str, body: Any, **settings: Any) -> dict[str, Any]:
        """Create or replace a resource."""
        return self._management.put(id, body, **settings)

    def delete(self, id: str, **settings: Any) -> None:
        """Delete a resource."""
        self._management.delete(id, **settings)

    def begin_put(self, id: str, body: Any) -> Any:
        """Start to create or replace a resource."""
        return self._management.begin_put(id, body)

    def begin_patch(self, id: str, body: Any) -> Any:
        """Start to change a resource."""
        return self._management.begin_patch(id, body)

    def begin_delete(self, id: str) -> Any | None:
        """Start to delete a resource."""
        return self._management.begin_delete(id)

    def _once(self, what: tuple[Any, ...], call: Callable[[], Any]) -> Task:
        key = _key(*what)
        with self._lock:
            if key not in self._tasks:
                self._tasks[key] = Task(call)
            return self._tasks[key]


def _key(*what: Any) -> tuple[Any, ...]:
    return tuple(tuple(sorted(part.items())) if isinstance(part, Mapping) else part for part in what)
