"""Turns refusals of Microsoft Entra ID into `AccessDenied`: its code and text, never the secret that was sent."""

import base64
import json
import re

from infra.azure.diagnosis.errors import explain
from infra.azure.diagnosis.table import page_of
from infra.errors import AccessDenied

NO_LOGIN = (
    "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "`--local` needs no Azure"
)
REFUSAL = re.compile(r"(AADSTS\d+):\s*([^\r\n]*)")
TRACE = re.compile(r"\s*\\?r?\\?n?\s*(Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
CORRELATION = re.compile(r"Correlation ID: ([0-9a-fA-F-]{36})")
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
AZ = re.compile(r"AzureCliCredential: (.+)")
# What the Azure CLI's credential says where nobody uses it.
NOT_USED = ("not found on path", "Please run 'az login'", "Failed to invoke")


def refused(source: str, text: str) -> AccessDenied:
    """The error for what azure-identity says; `source` is the login that it was about."""
    text = TOKEN.sub("…", text)
    found = REFUSAL.search(text)
    if found is None:
        return _no_login(text)
    code, message = found[1], TRACE.sub("", found[2]).strip().rstrip("'\"")
    known = explain(code)
    cause, hint = (known.causes[0].cause, known.causes[0].hint) if known else ("", "")
    correlation = CORRELATION.search(text)
    return AccessDenied(
        f"Microsoft Entra ID refused the login ({source}): {code}: {message}",
        hint=hint or f"{page_of(code)} explains {code}",
        code=code,
        cause=cause,
        request_id=correlation[1] if correlation else "",
    )


def who(token: str) -> str:
    """Whom a token is for, as it says itself: `ann@contoso.com` or an application's id, and the tenant."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        name = claims.get("upn") or claims.get("unique_name") or f"application {claims['appid']}"
        return f"{name} of the tenant {claims['tid']}"
    except (IndexError, KeyError, ValueError, TypeError, AttributeError):
        return ""


def _no_login(text: str) -> AccessDenied:
    az = AZ.search(text)
    said = f": `az` says: {az[1].strip()}" if az and not any(words in az[1] for words in NOT_USED) else ""
    return AccessDenied(f"not logged in to Azure{said}", hint=NO_LOGIN, code="no_login")
