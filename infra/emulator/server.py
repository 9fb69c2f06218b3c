"""The emulator's process: makes the world, listens, brings back what was there, ends cleanly."""

import asyncio
import fcntl
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from infra.emulator.arm.app import ArmApp
from infra.emulator.arm.routes import ROUTES, RUNNERS
from infra.emulator.arm.workspaces import refresh_urls
from infra.emulator.gateway.certs import server_context
from infra.emulator.gateway.faults import App, Faults
from infra.emulator.gateway.listeners import Listener, bind, url_of
from infra.emulator.identity.authorization import Authorization
from infra.emulator.identity.directory import Directory
from infra.emulator.identity.entra import AadRoutes
from infra.emulator.identity.managed_identity import IdentityRoutes
from infra.emulator.identity.tokens import TokenIssuer
from infra.emulator.operations import Operations
from infra.emulator.portal import Portal
from infra.emulator.restart import bring_back
from infra.emulator.routing import FrontDoor
from infra.emulator.seed.file import kept_digest, read_seed
from infra.emulator.seed.plant import plant, remember
from infra.emulator.settings import Settings
from infra.emulator.state_paths import StatePaths
from infra.emulator.storage.blobs import Blobs
from infra.emulator.storage.routes import BlobRoutes
from infra.emulator.store import Store
from infra.emulator.vault.routes import VaultRoutes
from infra.emulator.world import FrontEnds, Host, Urls, World
from infra.errors import GateliftError

logger = logging.getLogger("gatelift.emulator")
LOCK_TRIES = 10
IDENTITY_PATH = "/msi/token"


@dataclass(frozen=True)
class DataPlane:
    """How the parts that run models are made: they are given the world."""

    host: Callable[[World], Host]
    front_ends: Callable[[World], FrontEnds]
    hub_app: Callable[[World], App]
    load_hub_seed: Callable[[World, dict[str, Any] | None], None]


class AlreadyRunning(GateliftError):
    """This state folder has a running emulator."""

    code = "already_running"


async def serve(
    state: Path,
    *,
    data_plane: DataPlane,
    port: int = 0,
    seed: Path | None = None,
    on_ready: Callable[[dict[str, Any]], None],
) -> None:
    """Run an emulator until SIGTERM or SIGINT; `on_ready` gets its profile."""
    os.umask(0o077)  # whatever is written here is its owner's alone
    planned = read_seed(seed) if seed else None
    paths = StatePaths(state)
    paths.prepare()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _locked(paths):
        store = Store(paths.database)
        emulator = _Emulator(paths, store, data_plane)
        try:
            profile = await emulator.start(port, planned)
            on_ready(profile)
            await stop.wait()
        finally:
            paths.profile.unlink(missing_ok=True)
            await emulator.close()
            store.close()


class _Emulator:
    def __init__(self, paths: StatePaths, store: Store, data_plane: DataPlane) -> None:
        settings = Settings(store)
        self._directory = Directory(store)
        self._data_plane = data_plane
        self._listeners: list[Listener] = []
        self._restart: asyncio.Task[None] | None = None
        self.world = World(
            paths=paths,
            urls=Urls(),
            store=store,
            settings=settings,
            tokens=TokenIssuer(store, settings),
            authorization=Authorization(store, settings),
            blobs=Blobs(store, paths.blobs),
            faults=Faults(store),
        )
        self.world.directory = self._directory
        self.world.operations = Operations(self.world, RUNNERS)
        self.world.host = data_plane.host(self.world)
        self.world.front_ends = data_plane.front_ends(self.world)

    async def start(self, port: int, seed: dict[str, Any] | None) -> dict[str, Any]:
        world, store = self.world, self.world.store
        sockets = {"arm": bind(store, "arm", port), "portal": bind(store, "portal"), "hub": bind(store, "hub")}
        world.urls.resource_manager = url_of(sockets["arm"], "https")
        world.urls.portal = url_of(sockets["portal"])
        world.urls.identity_endpoint = world.urls.portal + IDENTITY_PATH
        world.urls.hub = url_of(sockets["hub"])
        plant(world, self._directory, seed)
        self._data_plane.load_hub_seed(world, (seed or {}).get("hub"))
        remember(world, seed)
        refresh_urls(world)
        arm = ArmApp(world, ROUTES)
        door = FrontDoor(world, arm, AadRoutes(world, self._directory), BlobRoutes(world), VaultRoutes(world))
        portal = Portal(world, lambda: {"arm_requests": arm.requests})
        identity = world.faults.wrap(IdentityRoutes(world, self._directory), "arm")
        tls = server_context(store, world.paths.ca_bundle)
        self._listeners = [
            Listener(world.faults.wrap(door, "arm"), sockets["arm"], tls),
            Listener(_portal_and_identity(portal, identity), sockets["portal"]),
            Listener(world.faults.wrap(self._data_plane.hub_app(world), "hub"), sockets["hub"]),
        ]
        self._restart = asyncio.create_task(bring_back(world))
        profile = {
            "resource_manager": world.urls.resource_manager,
            "ca_bundle": str(world.paths.ca_bundle),
            "hub": world.urls.hub,
            "identity_endpoint": world.urls.identity_endpoint,
            "portal": world.urls.portal,
            "pid": os.getpid(),
            "state": str(world.paths.root),
            "tenant_id": world.tokens.tenant_id,
        }
        digest = kept_digest(store.record("seed", "planted"))
        _write_atomically(world.paths.profile, json.dumps({**profile, "seed_digest": digest}))
        return profile

    async def close(self) -> None:
        if self._restart:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
        await self.world.operations.close()
        await self.world.front_ends.close_all()
        await self.world.host.close()
        await asyncio.gather(*(listener.close() for listener in self._listeners))


def _portal_and_identity(portal: App, identity: App) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (identity if scope["path"].rstrip("/") == IDENTITY_PATH else portal)(scope, receive, send)

    return app


def _write_atomically(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


class _locked:  # noqa: N801  reads as a word in `with`
    """Hold the state folder's lock: the kernel lets go of it whatever becomes of this process."""

    def __init__(self, paths: StatePaths) -> None:
        self._path = paths.lock
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._file = self._path.open("a")
        # Whoever asks whether we run holds the lock for a moment: that is no reason to give up.
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return
        self._file.close()
        raise AlreadyRunning(
            f"an emulator runs on {self._path.parent}", hint="use it, or stop it with `gatelift emulator stop`"
        )

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
