"""An optional API key, for use where no Azure front end stands before us."""

import hmac

from scoring.asgi import Scope, header
from scoring.problems import Problem


def check_key(scope: Scope, keys: tuple[str, ...]) -> None:
    """Raise `Problem` (401) for a request without one of the keys (`Authorization: Bearer …` or `api-key: …`)."""
    if not keys:
        return
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    given = [header(scope, b"api-key") or ""] + ([token.strip()] if scheme.lower() == "bearer" else [])
    # Every key is compared with every value, so that the time taken tells nothing.
    matches = [hmac.compare_digest(key.encode(), value.encode()) for key in keys for value in given]
    if not any(matches):
        raise Problem(
            401, "The API key is missing or wrong.", code="Unauthorized", headers=[(b"www-authenticate", b"Bearer")]
        )
