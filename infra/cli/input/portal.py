"""Talks to the emulator's portal: what it knows, and lets itself be told, that Azure would not."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from infra.errors import GateliftError, NotReady

TIMEOUT_S = 10


def portal_json(portal: str, path: str, method: str = "GET", body: Any = None) -> Any:
    """The JSON document at this path of the portal; straight to loopback, whatever proxy the environment names."""
    content = None if body is None else json.dumps(body)
    where = urlsplit(portal)
    connection = http.client.HTTPConnection(where.netloc, timeout=TIMEOUT_S)
    try:
        connection.request(method, f"{where.path.rstrip('/')}/{path}", content, headers={"Accept": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status == http.client.BAD_REQUEST:
            hint = "`gatelift emulator fault add --help` shows what a rule may say"
            raise GateliftError(json.loads(text)["error"]["message"], hint=hint, code="invalid_request")
        if response.status >= http.client.BAD_REQUEST:
            raise ValueError(f"{response.status} {text[:200].decode(errors='replace')}")
        return json.loads(text)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotReady(
            f"the emulator's portal {portal}/{path} did not answer: {error}",
            hint="`gatelift emulator stop`, then `gatelift emulator start`",
        ) from None
    finally:
        connection.close()
