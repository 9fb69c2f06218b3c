"""Long-running operations: started by a request, polled at a URL, resumed after a restart."""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.emulator.errors import DeploymentFailed
from infra.emulator.gateway.faults import Faults
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Document, Store

logger = logging.getLogger("gatelift.emulator")
TERMINAL = ("Succeeded", "Failed", "Canceled")
NEVER_ENDS = "never"


@dataclass(frozen=True)
class Runner:
    """The work of one kind of operation: `run` does it, `failed` marks the resource after a failure.

    Both get the operation's record.
    """

    run: Callable[[Document], Awaitable[None]]
    failed: Callable[[Document], None]


class Operations:
    """Runs operations as tasks; their records are in the store."""

    def __init__(self, store: Store, settings: Settings, faults: Faults, runners: Mapping[str, Runner]) -> None:
        self._store = store
        self._settings = settings
        self._faults = faults
        self._runners = runners
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended: dict[str, float] = {}

    def start(self, kind: str, resource_id: str, *, fault: Any = None, **payload: Any) -> Document:
        """Begin an operation of a known kind on a resource; returns its record."""
        prefix = "oe" if "/deployments/" not in resource_id.lower() else "od"
        operation = {
            "name": f"{prefix}:{uuid.uuid4()}:{uuid.uuid4()}",
            "kind": kind,
            "resource": resource_id,
            "status": "InProgress",
            "startTime": _now(),
            "fault": fault,
            "payload": payload,
        }
        self._save(operation)
        self._run(operation)
        return operation

    def canceled(self, kind: str, resource_id: str, message: str) -> Document:
        """The record of an operation that is canceled at once, because another one holds the resource."""
        operation = {"kind": kind, "resource": resource_id, "status": "Canceled", "startTime": _now(), "payload": {}}
        operation["name"] = f"oe:{uuid.uuid4()}:{uuid.uuid4()}"
        operation |= {"endTime": _now(), "error": {"code": "OperationCanceled", "message": message}}
        self._save(operation)
        return operation

    def get(self, name: str) -> Document | None:
        """The record of an operation."""
        return self._store.record("operation", name.lower())

    def running(self, resource_id: str, kind: str = "") -> Document | None:
        """The running operation (of this kind) on exactly this resource, None if there is none."""
        key = resource_id.lower()
        for name in self._tasks:
            operation = self.get(name)
            if operation is None or operation["status"] != "InProgress" or operation["resource"].lower() != key:
                continue
            if kind in ("", operation["kind"]):
                return operation
        return None

    def seconds_since_end(self, resource_id: str) -> float:
        """How long ago the last operation on exactly this resource ended; infinite where this process saw none."""
        return time.monotonic() - self._ended.get(resource_id.lower(), -math.inf)

    async def cancel_below(self, resource_id: str, *, besides: str = "") -> None:
        """Cancel the operations on a resource and on everything below it, for an operation of higher priority."""
        key = resource_id.lower()
        for name, task in list(self._tasks.items()):
            operation = self.get(name)
            if operation is None or operation["name"] == besides or operation["status"] in TERMINAL:
                continue
            if operation["resource"].lower() == key or operation["resource"].lower().startswith(f"{key}/"):
                message = "Operation was canceled by another operation that has a higher priority."
                self._finish(operation, "Canceled", {"code": "OperationCanceled", "message": message})
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def resume(self) -> None:
        """Resume the operations that were running when the emulator stopped."""
        for operation in self._store.records("operation").values():
            if operation["status"] == "InProgress":
                self._run(operation)

    async def close(self) -> None:
        """Stop the tasks; their operations stay in progress and are resumed at the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _run(self, operation: Document) -> None:
        task = asyncio.create_task(self._execute(operation))
        name = operation["name"].lower()
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def _execute(self, operation: Document) -> None:
        runner = self._runners[operation["kind"]]
        began = time.monotonic()
        error: Document | None = None
        try:
            if operation["fault"] == NEVER_ENDS:
                await self._faults.until_operations_may_end()
            await asyncio.sleep(self._settings["operation_seconds"])
            if isinstance(operation["fault"], dict):
                raise DeploymentFailed(
                    operation["fault"].get("code", "InternalServerError"),
                    operation["fault"].get("message", "This error was injected by a fault rule."),
                )
            await runner.run(operation)
        except DeploymentFailed as failure:
            error = {"code": failure.code, "message": failure.message}
        except Exception as failure:  # a bug of the emulator: the client must not wait forever
            logger.exception("operation %s on %s", operation["kind"], operation["resource"])
            message = f"Internal error. {type(failure).__name__}: {failure}"
            error = {"code": "InternalServerError", "message": message}
        if error:
            runner.failed(operation)
        logger.info("%s %s: %.2f s", operation["kind"], operation["resource"], time.monotonic() - began)
        self._finish(operation, "Failed" if error else "Succeeded", error)

    def _finish(self, operation: Document, status: str, error: Document | None) -> None:
        operation |= {"status": status, "endTime": _now()} | ({"error": error} if error else {})
        self._save(operation)
        self._ended[operation["resource"].lower()] = time.monotonic()

    def _save(self, operation: Document) -> None:
        self._store.put_record("operation", operation["name"].lower(), operation)


def _now() -> str:
    return datetime.now(UTC).isoformat()
