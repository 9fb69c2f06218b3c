"""The emulator's own HTTP interface: instances, faults, settings, the demo token."""

import json
from collections.abc import Callable
from html import escape
from typing import Any

from starlette.types import Receive, Scope, Send

from infra.emulator.gateway.messages import Reply, headers_of, read_body, respond
from infra.emulator.hub.upstream.choice import Choices
from infra.emulator.prices.app import PATH as PRICES_PATH
from infra.emulator.world import World

INTERFACES = (
    *("faults", "settings", "runners", "instances", "resources", "operations", "counters", "hub-upstream"),
    "autoscale",
)
# Only requests to these names are answered, so that no web page of another site can send any.
LOOPBACK = ("127.0.0.1", "localhost")


class Portal:
    """ASGI application of the portal."""

    def __init__(self, world: World, counters: Callable[[], dict[str, int]]) -> None:
        self._world = world
        self._counters = counters
        self._upstream = Choices(world.store, world.urls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        method, path = scope["method"], scope["path"].rstrip("/") or "/"
        if headers.get("host", "").rpartition(":")[0] not in LOOPBACK or not _same_site(headers):
            reply = Reply(403, {"error": {"code": "Forbidden", "message": "only from this machine"}})
        elif path == "/" and "application/json" not in headers.get("accept", ""):
            return await _page(send, self._page())
        else:
            try:
                reply = self._serve(method, path, await read_body(receive))
            except ValueError as error:
                reply = Reply(400, {"error": {"code": "InvalidRequest", "message": str(error)}})
        return await respond(send, reply, headers)

    def _serve(self, method: str, path: str, raw: bytes) -> Reply:
        world = self._world
        if method == "PUT" and path == "/faults":
            world.faults.set(json.loads(raw or b"[]"))
            return Reply(body=world.faults.all())
        if method == "POST" and path == "/faults":
            world.faults.add(json.loads(raw))
            return Reply(201, world.faults.all())
        if method == "DELETE" and path == "/faults":
            world.faults.set([])
            return Reply(204)
        if method in ("PUT", "PATCH") and path == "/settings":
            changes = json.loads(raw)
            if not isinstance(changes, dict):
                raise ValueError("the body must be an object of settings")
            world.settings.update(changes)
            return Reply(body=world.settings.all())
        if method == "PUT" and path == "/hub-upstream":
            self._upstream.put(json.loads(raw))
            return Reply(body=self._upstream.shown())
        if method == "POST" and path == "/runners":
            return Reply(201, world.runners.add(json.loads(raw)))
        if method == "PUT" and path == "/blob-links":
            return Reply(body=world.blobs.links.put(json.loads(raw)))
        answers: dict[str, Callable[[], Any]] = {
            "/": self._map,
            "/faults": world.faults.all,
            "/settings": world.settings.all,
            "/hub-upstream": self._upstream.shown,
            "/instances": self._instances,
            "/resources": world.store.all,
            "/operations": lambda: list(world.store.records("operation").values()),
            "/counters": self._counters,
            "/autoscale": self._autoscale,
            "/token": self._token,
            "/seed": lambda: world.store.record("seed", "planted"),
            "/workspaces": lambda: [document["id"] for document in world.store.of_type("workspaces")],
        }
        if method != "GET" or path not in answers:
            return Reply(404, {"error": {"code": "NotFound", "message": f"no interface {method} {path}"}})
        return Reply(body=answers[path]())

    def _map(self) -> dict[str, str]:
        urls = self._world.urls
        own = {name: f"{urls.portal}/{name}" for name in INTERFACES}
        return {
            **own,
            "token": f"{urls.portal}/token",
            "prices": f"{urls.portal}{PRICES_PATH}",
            "resource_manager": urls.resource_manager,
            "hub": urls.hub,
            "identity_endpoint": urls.identity_endpoint,
            "ca_bundle": str(self._world.paths.ca_bundle),
            "seed": f"{urls.portal}/seed",
        }

    def _instances(self) -> list[dict[str, Any]]:
        found = []
        for document in self._world.store.of_type("deployments"):
            for instance in self._world.host.instances(document["id"]):
                found.append({"deployment": document["id"], **instance})
        return found

    def _autoscale(self) -> dict[str, Any]:
        """Azure Monitor's clock, until when the autoscaler has looked, and what it changed."""
        recorder = self._world.recorder
        times = {"now": recorder.clock.now(), "looked_until": recorder.looked_until}
        return {**times, "changes": list(recorder.changes)}

    def _token(self) -> dict[str, Any]:
        """The Hub token of the demo user."""
        return self._world.store.record("demo-token", "current") or {}

    def _page(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td><a href='{escape(url)}'>{escape(url)}</a></td></tr>"
            for name, url in self._map().items()
        )
        deployments = "".join(
            f"<tr><td>{escape(document['id'])}</td><td>{escape(document['properties']['provisioningState'])}</td></tr>"
            for document in self._world.store.of_type("deployments")
        )
        return (
            "<!doctype html><meta charset=utf-8><title>gatelift emulator</title>"
            "<style>body{font:16px sans-serif;margin:2rem}td{padding:.2rem 1rem .2rem 0}</style>"
            f"<h1>gatelift emulator</h1><table>{rows}</table><h2>Deployments</h2><table>{deployments}</table>"
        )


def _same_site(headers: dict[str, str]) -> bool:
    origin = headers.get("origin", "")
    return not origin or origin.partition("://")[2].rpartition(":")[0] in LOOPBACK


async def _page(send: Send, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
