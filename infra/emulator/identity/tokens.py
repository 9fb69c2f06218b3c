"""Access tokens: JWTs signed by this emulator, as Microsoft Entra ID would issue them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store

CACHED_TOKENS = 2_000
# Times are checked on the emulator's own clock.
NO_TIMES: Options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}


class TokenRejected(Exception):
    """A token is not accepted: `code` and `reason` are the error that Resource Manager answers."""

    def __init__(self, reason: str, code: str = "InvalidAuthenticationToken") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Principal:
    """An identity that can hold roles: a service principal, a managed identity or a user."""

    object_id: str
    app_id: str
    name: str
    kind: str = "ServicePrincipal"


class TokenIssuer:
    """Issues and checks the tokens of one emulator; the signing key is in its store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        kept = store.record("token-key", "current") or _make_key(store)
        private = serialization.load_pem_private_key(kept["pem"].encode(), password=None)
        self._private = cast(rsa.RSAPrivateKey, private)
        self._public = self._private.public_key()
        self._key_id: str = kept["kid"]
        self.tenant_id: str = kept["tenant_id"]
        self._settings = settings
        self._verified: dict[str, dict[str, Any]] = {}

    def issue(self, principal: Principal, audience: str, lifetime: float | None = None) -> str:
        """A bearer token for `audience`, valid for `lifetime` seconds, by default as long as the settings say."""
        now = int(self._settings.now())
        seconds = self._settings["token_lifetime_seconds"] if lifetime is None else lifetime
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": int(now + seconds),
            "appid": principal.app_id,
            "appidacr": "1",
            "idtyp": "user" if principal.kind == "User" else "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant_id,
            "app_displayname": principal.name,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        return self.sign(claims)

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT with these claims, signed with this emulator's key."""
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self._key_id})

    def signed(self, token: str) -> bool:
        """Whether this emulator signed the token; its times are not looked at."""
        try:
            jwt.decode(token, self._public, algorithms=["RS256"], options={**NO_TIMES})
        except jwt.InvalidTokenError:
            return False
        return True

    def verify(self, token: str, audiences: Collection[str]) -> Principal:
        """The principal of a token; `TokenRejected` where it is forged, expired or meant for another audience."""
        claims = self._verified.get(token) or self._decode(token)
        if claims["exp"] <= self._settings.now():
            raise TokenRejected(
                f"The access token expiry UTC time '{_clock(claims['exp'])}' is earlier than current UTC time "
                f"'{_clock(self._settings.now())}'.",
                code="ExpiredAuthenticationToken",
            )
        if str(claims["aud"]).rstrip("/") not in {audience.rstrip("/") for audience in audiences}:
            allowed = ",".join(f"'{audience.rstrip('/')}/'" for audience in audiences)
            raise TokenRejected(
                "The access token has been obtained for wrong audience or resource "
                f"'{claims['aud']}'. It should exactly match with one of the allowed audiences {allowed}.",
                code="InvalidAuthenticationTokenAudience",
            )
        kind = "User" if claims.get("idtyp") == "user" else "ServicePrincipal"
        return Principal(claims["oid"], claims["appid"], claims.get("app_displayname", ""), kind)

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                options={**NO_TIMES, "require": ["aud", "exp", "oid", "appid"]},
                issuer=f"https://sts.windows.net/{self.tenant_id}/",
            )
        except jwt.InvalidTokenError as error:
            raise TokenRejected(f"The access token is invalid: {error}.") from None
        if len(self._verified) >= CACHED_TOKENS:
            self._verified.clear()
        self._verified[token] = claims
        return claims


def _make_key(store: Store) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    kept = {"pem": pem, "kid": uuid.uuid4().hex, "tenant_id": str(uuid.uuid4())}
    store.put_record("token-key", "current", kept)
    return kept


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m/%d/%Y %H:%M:%S")
