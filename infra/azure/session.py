"""Requests to Resource Manager: token, request id, renewed tokens and repeated tries."""

from __future__ import annotations

import base64
import binascii
import json
import platform
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from infra.azure.login import Credential
from infra.errors import NotReady
from infra.http_client import TRANSIENT, Answer, Unreachable, Web

MOST_TRIES = 4
LOST = (500, 502, 503, 504)  # what a gateway answers where the service's own answer was lost
FIRST_PAUSE, LONGEST_PAUSE, WORTH_TELLING = 0.8, 120.0, 5.0  # seconds
PAUSE_HEADERS = {"retry-after-ms": 1000, "x-ms-retry-after-ms": 1000, "retry-after": 1}
CLAIMS = re.compile(r'claims="([^"]+)"')


class ArmSession:
    """Sends JSON to one service with the token of one credential.

    Requests are repeated whatever their method: each one describes a wanted state or reads one, so twice does no harm.
    What begins a long operation would begin it twice, so for that the caller can look first whether the first try has
    arrived (`find`).
    """

    def __init__(
        self,
        web: Web,
        credential: Credential,
        scope: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        longest: float = LONGEST_PAUSE,
    ) -> None:
        self._web = web
        self._credential = credential
        self._scope = scope
        self._sleep = sleep
        self._longest = min(longest, LONGEST_PAUSE)
        self.tell: Callable[[str], None] = lambda text: None
        """Shows a line to the person who waits."""

    def send(self, method: str, url: str, body: Any = None, find: Callable[[], Answer | None] | None = None) -> Answer:
        """The last response, whatever its status; `NotReady` if none came.

        Where an answer may have been lost, `find` is called before the request is repeated; what it returns, if
        anything, is taken for the answer.
        """
        headers = {"Accept": "application/json", "User-Agent": f"gatelift Python/{platform.python_version()}"}
        headers["x-ms-client-request-id"] = str(uuid.uuid1())
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        for tries in range(1, MOST_TRIES + 1):
            last = tries == MOST_TRIES
            pause = FIRST_PAUSE * 2 ** (tries - 2) if tries > 1 else 0.0
            try:
                answer = self._authorized(method, url, headers, content)
            except Unreachable as error:
                if not error.final and find and (found := find()):
                    return found
                if error.final or last:
                    raise _no_answer(method, url, error) from None
            else:
                wanted = retry_after(answer)
                if answer.status in LOST and find and (found := find()):
                    return found
                if answer.status < 400 or last or not (answer.status in TRANSIENT or wanted):
                    return answer
                if wanted > self._longest:  # the caller says so; trying earlier would be in vain
                    return answer
                pause = wanted or pause
                if pause >= WORTH_TELLING:
                    self.tell(f"Azure answers {answer.status}: waiting {pause:.0f} s, as it asks")
            self._sleep(pause)
        raise AssertionError  # the last try returns or raises

    def _authorized(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Send the request with a token; once more with a new one if the service refuses the first."""
        used = self._credential.get_token(self._scope).token
        answer = self._web.send(method, url, headers=headers | {"Authorization": f"Bearer {used}"}, body=body)
        if answer.status != 401:
            return answer
        if claims := _claims(answer):
            renewed = self._credential.get_token(self._scope, claims=claims).token
        elif hasattr(self._credential, "forget"):
            if self._credential.get_token(self._scope).token == used:  # otherwise another thread has renewed it already
                self._credential.forget()
            renewed = self._credential.get_token(self._scope).token
        else:
            return answer
        return self._web.send(method, url, headers=headers | {"Authorization": f"Bearer {renewed}"}, body=body)


def retry_after(answer: Any) -> float:
    """The seconds that the service asks to wait; 0 if it does not ask."""
    for name, scale in PAUSE_HEADERS.items():
        value = answer.headers.get(name) or ""
        if value.isdigit() and int(value) > 0:
            return int(value) / scale
    return 0.0


def _claims(answer: Answer) -> str:
    """What a new token must prove if the response is a claims challenge, else an empty string."""
    found = CLAIMS.search(answer.headers.get("WWW-Authenticate") or "")
    if not found:
        return ""
    try:
        return base64.b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _no_answer(method: str, url: str, error: Unreachable) -> NotReady:
    hint = "check the network; with --local: `gatelift emulator status`"
    return NotReady(f"{method} {url.partition('?')[0]}: no answer: {error}", hint=hint, code="no_connection")
