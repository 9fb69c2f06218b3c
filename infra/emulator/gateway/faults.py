"""Fault injection: rules, set over the portal, that make chosen requests or operations go wrong.

A rule is a JSON object. Which requests it strikes:
    method       `PUT`, or `*` (the default) for any
    path         regular expression, searched in path and query, case-insensitive; default: everything
    target       "arm" (default: also blobs and tokens), "hub", "endpoint", "prices" or "*"
    times        how often it strikes; always, if left out
    skip         how many matching requests it lets pass first
    probability  between 0 and 1; with `seed` the same requests are struck every time
What happens then (several may be combined):
    delay        seconds to wait before the request is served
    status, code, message, headers   answer this error instead of serving
    after        true: serve the request first, then lose its answer (or replace it by `status`)
    reset        true: break the connection
    hang         true: never answer
    hold         true: serve the request once the rules are replaced
    operation    for PUT, PATCH, DELETE and POST that start a long-running operation:
                 {"code": …, "message": …} makes it fail, "never" keeps it running while such a rule is in force
"""

import asyncio
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.emulator.gateway.fault_checks import checked
from infra.emulator.state.store import Store

DEFAULT_CODES = {
    401: "ExpiredAuthenticationToken",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    408: "RequestTimeout",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


@dataclass
class Rule:
    """A rule and its counts."""

    definition: dict[str, Any]
    struck: int = 0
    passed: int = 0
    hanging: int = field(default=0, init=False)
    pattern: re.Pattern[str] = field(init=False)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = re.compile(self.definition.get("path", ""), re.IGNORECASE)
        self.rng = random.Random(self.definition.get("seed"))  # noqa: S311  faults, not secrets

    def strikes(self, method: str, path: str, target: str) -> bool:
        """Whether this rule strikes the request; counts it if so."""
        rule = self.definition
        if rule.get("target", "arm") not in ("*", target) or rule.get("method", "*").upper() not in ("*", method):
            return False
        if not self.pattern.search(path) or self.struck >= rule.get("times", self.struck + 1):
            return False
        if self.rng.random() >= rule.get("probability", 1):
            return False
        if self.passed < rule.get("skip", 0):
            self.passed += 1
            return False
        self.struck += 1
        return True


class Faults:
    """The rules in force; they survive a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._replaced = asyncio.Event()
        self._rules = [Rule(**kept) for kept in (store.record("faults", "current") or {"rules": []})["rules"]]

    def set(self, definitions: Any) -> None:
        """Replace all rules; `ValueError` says what is wrong with one."""
        if not isinstance(definitions, list):
            raise ValueError("the body must be a list of rules")
        self._rules = [Rule(checked(definition)) for definition in definitions]
        self._save()
        self._replaced.set()
        self._replaced = asyncio.Event()

    def add(self, definition: Any) -> None:
        """Append a rule, the others keep their counts; `ValueError` says what is wrong with it."""
        self._rules.append(Rule(checked(definition)))
        self._save()

    def all(self) -> list[dict[str, Any]]:
        """Every rule with `struck`, how often it has struck, and `hanging`, how many requests it holds now."""
        return [{**rule.definition, "struck": rule.struck, "hanging": rule.hanging} for rule in self._rules]

    def match(self, method: str, path: str, target: str) -> Rule | None:
        """The first rule that strikes this request, rules for operations aside; None for most requests."""
        return self._match(method, path, target, operations=False) if self._rules else None

    def operation(self, method: str, path: str) -> dict[str, Any] | str | None:
        """The fault of the long-running operation that this request starts, None for most requests."""
        rule = self._match(method, path, "arm", operations=True) if self._rules else None
        return rule.definition["operation"] if rule else None

    async def until_operations_may_end(self) -> None:
        """Return once no rule keeps operations from ending."""
        while any(rule.definition.get("operation") == "never" for rule in self._rules):
            await self._replaced.wait()

    def wrap(self, app: ASGIApp, target: str) -> ASGIApp:
        """The application with the rules for `target` applied to its requests."""

        async def struck(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not self._rules:
                return await app(scope, receive, send)
            path = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
            rule = self.match(scope["method"], path, target)
            if rule is None:
                return await app(scope, receive, send)
            if rule.definition.get("hold"):
                rule.hanging += 1
                await self._replaced.wait()
                rule.hanging -= 1
            return await strike(rule, app, scope, receive, send)

        return struck

    def _match(self, method: str, path: str, target: str, *, operations: bool) -> Rule | None:
        for rule in self._rules:
            if ("operation" in rule.definition) == operations and rule.strikes(method, path, target):
                self._save()
                return rule
        return None

    def _save(self) -> None:
        kept = [{"definition": rule.definition, "struck": rule.struck, "passed": rule.passed} for rule in self._rules]
        self._store.put_record("faults", "current", {"rules": kept})


async def strike(met: Rule, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request with the fault that the rule describes."""
    rule = met.definition
    await asyncio.sleep(rule.get("delay", 0))
    if rule.get("after"):
        await app(scope, receive, _discard)
    if rule.get("hang"):
        met.hanging += 1
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            met.hanging -= 1
        return
    if rule.get("reset") or (rule.get("after") and "status" not in rule):
        scope["state"]["abort"]()
        return
    if "status" in rule:
        await _answer(rule, send)
    else:
        await app(scope, receive, send)


async def _discard(_: Message) -> None:
    return


async def _answer(rule: dict[str, Any], send: Send) -> None:
    status = rule["status"]
    code = rule.get("code") or DEFAULT_CODES.get(status, "InjectedFault")
    message = rule.get("message", "This error was injected by a fault rule.")
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "x-ms-error-code": code}
    headers |= {name.lower(): str(value) for name, value in rule.get("headers", {}).items()}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
