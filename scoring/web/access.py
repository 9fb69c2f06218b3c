"""An optional API key, for use where no Azure front end stands before us; several of them tell callers apart."""

import hmac

from scoring.asgi import Scope, header
from scoring.problems import Problem

OWNER = b"gatelift: who a stored response belongs to"


def check_key(scope: Scope, keys: tuple[str, ...]) -> None:
    """Raise `Problem` (401) for a request without one of the keys (`Authorization: Bearer …` or `api-key: …`)."""
    if keys and not _brought(scope, keys):
        raise Problem(
            401, "The API key is missing or wrong.", code="Unauthorized", headers=[(b"www-authenticate", b"Bearer")]
        )


def owner_of(scope: Scope, keys: tuple[str, ...]) -> str:
    """Return who sends this: 32 hexadecimal digits that tell nothing of the key; none where no key is asked for."""
    brought = _brought(scope, keys)
    return hmac.new(brought[0].encode(), OWNER, "sha256").hexdigest()[:32] if brought else ""


def _brought(scope: Scope, keys: tuple[str, ...]) -> list[str]:
    """Return the keys that a request brings; each is compared with every value, so that the time tells nothing."""
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    given = [header(scope, b"api-key") or ""] + ([token.strip()] if scheme.lower() == "bearer" else [])
    matches = [(key, hmac.compare_digest(key.encode(), value.encode())) for key in keys for value in given]
    return [key for key, same in matches if same]
