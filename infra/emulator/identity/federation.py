"""Federated credentials: the assertions of CI services with which an application signs in without a secret.

Sources: Microsoft Entra "Workload identity federation" and error codes, GitHub "OpenID Connect reference".
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from infra.emulator.identity.directory import Directory
from infra.emulator.identity.sign_in import SignInError
from infra.emulator.identity.tokens import Principal, TokenIssuer
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Document, Store, key_of

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GUIDE = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
COMPARE = (
    f"Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {GUIDE}"
)


@dataclass(frozen=True)
class FederatedCredential:
    """Whose assertions an application accepts."""

    issuer: str
    subject: str
    audience: str


class Federation:
    """Signs applications in whose federated credentials match an assertion."""

    def __init__(self, store: Store, settings: Settings, tokens: TokenIssuer, directory: Directory) -> None:
        self._store = store
        self._settings = settings
        self.tokens = tokens
        self._directory = directory

    def register(self, app_id: str, credentials: list[Document]) -> None:
        """Set the federated credentials of an app registration."""
        self._store.put_record("federated-credentials", app_id.lower(), {"credentials": credentials})

    def sign_in(self, app_id: str, assertion_type: str, assertion: str) -> Principal:
        """The application's principal; `SignInError` with Entra's number where the assertion is not good for it."""
        if assertion_type != JWT_BEARER:
            raise SignInError(
                "invalid_request",
                900144,
                "The request body must contain the following parameter: 'client_assertion_type'.",
            )
        claims = _claims(assertion)
        principal = self._directory.by_application(app_id)
        if principal is None:
            raise SignInError(
                "unauthorized_client",
                700016,
                f"Application with identifier '{app_id}' was not found in the directory '{self.tokens.tenant_id}'. "
                "This can happen if the application has not been installed by the administrator of the tenant or "
                "consented to by any user in the tenant. You may have sent your authentication request to the wrong "
                "tenant.",
            )
        self._match(principal, claims)
        if not self.tokens.signed(assertion):
            raise SignInError("invalid_client", 50013, "Assertion failed signature validation.", 401)
        self._check_times(claims)
        return principal

    def _match(self, principal: Principal, claims: dict[str, Any]) -> None:
        """Refuse an assertion that no credential of the application names."""
        known = self._credentials(principal)
        if not known:
            raise SignInError(
                "invalid_client",
                70025,
                f"The client '{principal.app_id}'({principal.name}) has no configured federated identity credentials.",
                401,
            )
        for number, field, name in (
            (700211, "issuer", "iss"),
            (700212, "audience", "aud"),
            (700213, "subject", "sub"),
        ):
            presented = str(claims[name])
            left = [one for one in known if getattr(one, field) == presented]
            if not left:
                close = field == "subject" and any(one.subject.lower() == presented.lower() for one in known)
                case = (
                    " The subject matches with case-insensitive comparison, but not with case-sensitive comparison."
                    if close
                    else ""
                )
                raise SignInError(
                    "invalid_client",
                    7002138 if close else number,
                    f"No matching federated identity record found for presented assertion {field} '{presented}'.{case} "
                    f"{COMPARE}",
                    401,
                )
            known = left

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._settings.now()
        if claims["nbf"] <= now < claims["exp"]:
            return
        raise SignInError(
            "invalid_client",
            700024,
            f"Client assertion is not within its valid time range. Current time: {_moment(now)}, assertion valid from "
            f"{_moment(claims['nbf'])}, expiry time of assertion {_moment(claims['exp'])}. Review the documentation at "
            "https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
            401,
        )

    def _credentials(self, principal: Principal) -> list[FederatedCredential]:
        kept = self._store.record("federated-credentials", principal.app_id.lower()) or {"credentials": []}
        found = list(kept["credentials"])
        identity = next(
            (
                document["id"]
                for document in self._store.of_type("userAssignedIdentities")
                if document["properties"]["clientId"].lower() == principal.app_id.lower()
            ),
            None,
        )
        if identity:
            below = f"{key_of(identity)}/"
            documents = self._store.of_type("federatedIdentityCredentials")
            found += [one["properties"] for one in documents if key_of(one["id"]).startswith(below)]
        return [
            FederatedCredential(one["issuer"], one["subject"], audience)
            for one in found
            for audience in one["audiences"]
        ]


def _claims(assertion: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
        for name in ("iss", "sub", "aud"):
            claims[name] = str(claims[name])
        return claims | {name: float(claims[name]) for name in ("nbf", "exp")}
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        message = "JWT token is invalid or malformed."
        raise SignInError("invalid_request", 50027, message) from None


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
