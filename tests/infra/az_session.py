"""The Azure CLI after `az login --federated-token`, as azure/login does it: it keeps the assertion, and has no other.

A copy lies as `az` on PATH beside `session.json`. A token lasts as long as Entra says, on the emulator's clock.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

SESSION = Path(__file__).with_name("session.json")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASKS_AGAIN = "Interactive authentication is needed. Please run:\naz login"


def sign_in(session: dict[str, Any], resource: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_id": session["client_id"],
        "scope": f"{resource}/.default",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": session["assertion"],
    }
    trusted = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
    body = urllib.parse.urlencode(form).encode()
    try:
        return json.load(urllib.request.urlopen(session["token_url"], body, context=trusted))  # noqa: S310
    except urllib.error.HTTPError as error:
        sys.exit(f"ERROR: {json.load(error)['error_description']}\n{ASKS_AGAIN}")


def main() -> None:
    resource = sys.argv[sys.argv.index("--resource") + 1]
    session = json.loads(SESSION.read_text())
    ahead = json.load(urllib.request.urlopen(f"{session['portal']}/settings"))["clock_ahead_seconds"]  # noqa: S310
    kept = session["tokens"].get(resource)
    if kept is None or kept["expires_at"] < time.time() + ahead:
        answer = sign_in(session, resource)
        kept = {"token": answer["access_token"], "expires_at": time.time() + ahead + answer["expires_in"]}
        session["tokens"][resource] = kept
        SESSION.write_text(json.dumps(session))
    shown = {"accessToken": kept["token"], "expires_on": int(kept["expires_at"] - ahead), "tokenType": "Bearer"}
    sys.stdout.write(json.dumps(shown))


if __name__ == "__main__":
    main()
