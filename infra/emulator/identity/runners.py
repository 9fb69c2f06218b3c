"""The identity services of CI runners: GitHub's and Azure DevOps' OIDC issuers, as their jobs ask them.

A job is made over the portal (`POST runners`); the answer is what its runner has in the environment.
"""

import hashlib
import secrets
import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from infra.emulator.gateway.messages import Reply, headers_of, respond
from infra.emulator.identity.tokens import TokenIssuer
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls

RUNNERS = "/runners/"
GITHUB, AZURE_PIPELINES = "github", "azure-pipelines"
ISSUERS = {
    GITHUB: "https://token.actions.githubusercontent.com",
    AZURE_PIPELINES: "https://vstoken.dev.azure.com/9d5f6a52-0d3f-4c8e-8f0b-5b1f1f2a7c11",
}
EXCHANGE = "api://AzureADTokenExchange"
HOW = f"a runner is {{'kind': {GITHUB!r} or {AZURE_PIPELINES!r}, 'subject': the subject of its assertions}}"


class Runners:
    """ASGI application of both identity services."""

    def __init__(self, store: Store, settings: Settings, tokens: TokenIssuer, urls: Urls) -> None:
        self._store = store
        self._settings = settings
        self._tokens = tokens
        self._urls = urls

    def add(self, wanted: Any) -> dict[str, str]:
        """Begin a job; returns the environment variables of its runner. `ValueError` for anything else."""
        if not isinstance(wanted, dict) or set(wanted) != {"kind", "subject"} or wanted["kind"] not in ISSUERS:
            raise ValueError(HOW)
        if not isinstance(wanted["subject"], str) or not wanted["subject"]:
            raise ValueError(HOW)
        token = secrets.token_urlsafe(32)
        job = {**wanted, "connection": str(uuid.uuid4())}
        self._store.put_record("runner", _digest(token), job)
        base = self._urls.resource_manager + RUNNERS
        if wanted["kind"] == GITHUB:
            return {
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{base}github/idtoken?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
            }
        return {
            "SYSTEM_OIDCREQUESTURI": f"{base}azure-pipelines/oidctoken",
            "SYSTEM_ACCESSTOKEN": token,
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": job["connection"],
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        query = dict(parse_qsl(scope["query_string"].decode()))
        await respond(send, self._serve(scope["method"], scope["path"], headers, query), headers)

    def _serve(self, method: str, path: str, headers: dict[str, str], query: dict[str, str]) -> Reply:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        job = self._store.record("runner", _digest(token)) if scheme.lower() == "bearer" else None
        asked = (method, path[len(RUNNERS) :])
        if asked not in (("GET", "github/idtoken"), ("POST", "azure-pipelines/oidctoken")):
            return Reply(404, {"message": "Not Found"})
        if job is None or not asked[1].startswith(job["kind"]):
            return Reply(401, {"message": "The request token is not that of a running job."})
        if job["kind"] == GITHUB:
            owner = job["subject"].removeprefix("repo:").partition("/")[0]
            audience = query.get("audience") or f"https://github.com/{owner}"
            return Reply(body={"count": 1, "value": self._assertion(job, audience)})
        if query.get("serviceConnectionId", "").lower() != job["connection"]:
            return Reply(404, {"message": "There is no such service connection, or this job may not use it."})
        return Reply(body={"oidcToken": self._assertion(job, EXCHANGE)})

    def _assertion(self, job: dict[str, Any], audience: str) -> str:
        now = int(self._settings.now())
        return self._tokens.sign(
            {
                "iss": ISSUERS[job["kind"]],
                "sub": job["subject"],
                "aud": audience,
                "iat": now,
                "nbf": now,
                "exp": int(now + self._settings["assertion_lifetime_seconds"]),
                "jti": str(uuid.uuid4()),
            }
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
