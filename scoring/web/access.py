"""An optional API key, for use where no Azure front end stands before us."""

import hmac

from scoring.asgi import Scope, header
from scoring.contracts.routes import Answer, Route
from scoring.problems import Problem

OPEN = (Answer.LIVE, Answer.READY)


def check_key(scope: Scope, route: Route | None, keys: tuple[str, ...]) -> None:
    """Refuse a request without one of the keys (`Authorization: Bearer …` or `api-key: …`); probes need none."""
    if not keys or (route is not None and route.answer in OPEN):
        return
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    given = [header(scope, b"api-key") or ""] + ([token.strip()] if scheme.lower() == "bearer" else [])
    # Every key is compared with every value, so that the time taken tells nothing.
    matches = [hmac.compare_digest(key.encode(), value.encode()) for key in keys for value in given]
    if not any(matches):
        raise Problem(
            401, "The API key is missing or wrong.", code="Unauthorized", headers=[(b"www-authenticate", b"Bearer")]
        )
