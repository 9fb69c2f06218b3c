"""The emulator's server: makes the world, listens, resumes what ran before, and stops cleanly."""

import asyncio
import fcntl
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from starlette.types import ASGIApp

from infra.emulator.arm.app import ArmApp
from infra.emulator.arm.deployments.scaling import scale
from infra.emulator.arm.routes import ROUTES, runners
from infra.emulator.arm.workspaces import refresh_urls
from infra.emulator.frontend.servers import FrontEndServers
from infra.emulator.gateway.certs import server_context
from infra.emulator.gateway.listeners import Listener, bind, url_of
from infra.emulator.host.host import ProcessHost
from infra.emulator.https_router import HttpsRouter
from infra.emulator.hub.app import HubApp
from infra.emulator.hub.repos import HubRepos
from infra.emulator.hub.seed import apply_hub_seed
from infra.emulator.hub.upstream.choice import Choices
from infra.emulator.identity.entra import EntraRoutes
from infra.emulator.identity.managed_identity import ManagedIdentityRoutes
from infra.emulator.key_vault import VaultRoutes
from infra.emulator.monitor.autoscaler import Autoscaler
from infra.emulator.operations import Operations
from infra.emulator.portal import Portal
from infra.emulator.prices.app import PATH as PRICES_PATH
from infra.emulator.prices.app import PricesApp
from infra.emulator.restart import resume
from infra.emulator.seed.apply import apply_seed, record_seed
from infra.emulator.seed.file import kept_digest, read_seed
from infra.emulator.state.paths import StatePaths
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls
from infra.emulator.storage.routes import BlobRoutes
from infra.emulator.world import World
from infra.errors import GateliftError

logger = logging.getLogger("gatelift.emulator")
LOCK_TRIES = 10
IDENTITY_PATH = "/msi/token"
SETTINGS_VARIABLE = "GATELIFT_EMULATOR_SETTINGS"


class AlreadyRunning(GateliftError):
    """An emulator is already running on this state folder."""

    code = "already_running"


async def serve(
    state: Path,
    *,
    port: int = 0,
    seed: Path | None = None,
    on_ready: Callable[[dict[str, Any]], None],
) -> None:
    """Run an emulator until SIGTERM or SIGINT; `on_ready` is called with its profile."""
    os.umask(0o077)  # files are readable by their owner alone
    planned = read_seed(seed) if seed else None
    paths = StatePaths(state)
    paths.prepare()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _StateLock(paths):
        store = Store(paths.database)
        emulator = _Emulator(World.create(paths, store, Urls()))
        try:
            change_settings(emulator.world, os.environ.get(SETTINGS_VARIABLE, ""))
            profile = await emulator.start(port, planned)
            on_ready(profile)
            await stop.wait()
        finally:
            paths.profile.unlink(missing_ok=True)
            await emulator.close()
            store.close()


class _Emulator:
    def __init__(self, world: World) -> None:
        self.world = world
        self._repos = HubRepos(world.store, world.paths.hub)
        self._hub = HubApp(world.store, world.urls, self._repos, world.settings)
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []
        world.operations = Operations(world.store, world.settings, world.faults, runners(world))
        host = ProcessHost(world)
        world.host = host
        world.front_ends = FrontEndServers(world, host)

    async def start(self, port: int, seed: dict[str, Any] | None) -> dict[str, Any]:
        world, store = self.world, self.world.store
        sockets = {"arm": bind(store, "arm", port), "portal": bind(store, "portal"), "hub": bind(store, "hub")}
        world.urls.resource_manager = url_of(sockets["arm"], "https")
        world.urls.portal = url_of(sockets["portal"])
        world.urls.identity_endpoint = world.urls.portal + IDENTITY_PATH
        world.urls.hub = url_of(sockets["hub"])
        apply_seed(world, seed)
        apply_hub_seed(store, self._repos, (seed or {}).get("hub"))
        if "hub" in (seed or {}):
            Choices(store, world.urls).put_seed((seed or {})["hub"])
        record_seed(world, seed)
        refresh_urls(world)
        arm = ArmApp(world, ROUTES)
        portal = Portal(world, lambda: {"arm_requests": arm.requests})
        tls = server_context(store, world.paths.ca_bundle)
        faults = world.faults
        self._listeners = [
            Listener(faults.wrap(_https_router(world, arm), "arm"), sockets["arm"], tls),
            Listener(_by_path(portal, self._beside_portal()), sockets["portal"]),
            Listener(faults.wrap(self._hub, "hub"), sockets["hub"]),
        ]
        autoscaler = Autoscaler(world, partial(scale, world))
        self._tasks = [asyncio.create_task(resume(world)), asyncio.create_task(autoscaler.run())]
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

    def _beside_portal(self) -> dict[str, ASGIApp]:
        """What else is served over plain HTTP, by its path."""
        world = self.world
        prices = PricesApp(lambda: world.urls.portal, lambda: int(world.settings["list_page_size"]))
        return {
            IDENTITY_PATH: world.faults.wrap(_managed_identity(world), "arm"),
            PRICES_PATH: world.faults.wrap(prices, "prices"),
        }

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.world.operations.close()
        await self.world.front_ends.close_all()
        await self.world.host.close()
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        await self._hub.close()


def _https_router(world: World, arm: ArmApp) -> ASGIApp:
    store, urls, tokens, authorization = world.store, world.urls, world.tokens, world.authorization
    return HttpsRouter(
        world,
        arm,
        entra=EntraRoutes(urls, world.settings, world.directory, world.federation),
        blobs=BlobRoutes(world.blobs, tokens, authorization, world.settings),
        vaults=VaultRoutes(store, urls, tokens, authorization),
    )


def _managed_identity(world: World) -> ASGIApp:
    return ManagedIdentityRoutes(world.store, world.settings, world.tokens, world.directory)


def _by_path(portal: ASGIApp, others: dict[str, ASGIApp]) -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await others.get(scope["path"].rstrip("/"), portal)(scope, receive, send)

    return app


def change_settings(world: World, text: str) -> None:
    """Change settings as a JSON object says, which may be empty."""
    try:
        world.settings.update(dict(json.loads(text or "{}")))
    except (TypeError, ValueError) as error:
        hint = 'a JSON object of settings is expected, such as {"list_page_size": 2}'
        raise GateliftError(f"{SETTINGS_VARIABLE}: {error}", hint=hint, code="settings") from None


def _write_atomically(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


class _StateLock:
    """Holds the lock of a state folder; the kernel releases it even if this process is killed."""

    def __init__(self, paths: StatePaths) -> None:
        self._path = paths.lock
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._file = self._path.open("a")
        # `launcher.status` holds the lock for a moment, so a single failure proves nothing.
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
