"""Turns refusals of Microsoft Entra ID into `AccessDenied`: its code and text, never the secret that was sent."""

import base64
import json
import re
from collections.abc import Mapping

from infra.azure.assertions import GITHUB_TOKEN, GITHUB_URL
from infra.azure.diagnosis.errors import explain
from infra.azure.diagnosis.table import page_of
from infra.errors import AccessDenied, GateliftError, NotReady

NO_LOGIN = (
    "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "`--local` needs no Azure"
)
PIPELINES_TASK = (
    "run gatelift in the task AzureCLI@2 of a service connection with workload identity federation, and map "
    "`SYSTEM_ACCESSTOKEN: $(System.AccessToken)` in its `env`"
)
SETTINGS = (
    "AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_AUTHORITY_HOST, AZURE_TOKEN_CREDENTIALS"
)
REFUSAL = re.compile(r"(AADSTS\d+):\s*([^\r\n]*)")
TRACE = re.compile(r"\s*\\?r?\\?n?\s*(Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
CORRELATION = re.compile(r"Correlation ID: ([0-9a-fA-F-]{36})")
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
AZ = re.compile(r"AzureCliCredential: (.+)")
# What a login says that was set up and reached nobody.
NETWORK = re.compile(
    r"(\w+Credential): Authentication failed:.*(unable to connect|failed to resolve|failed to establish|timed out)",
    re.IGNORECASE,
)
# What the Azure CLI's credential says where nobody uses it.
NOT_USED = ("not found on path", "Please run 'az login'", "Failed to invoke")


def how_to_log_in(environ: Mapping[str, str]) -> str:
    """What a person can do where no login is there: in a CI service, what its job lacks."""
    if environ.get("GITHUB_ACTIONS") == "true":
        lacking = [name for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID") if not environ.get(name)]
        steps = [f"set {' and '.join(lacking)} in the job's `env`"] if lacking else []
        if not (environ.get(GITHUB_URL) and environ.get(GITHUB_TOKEN)):
            steps.append("give the job `permissions: id-token: write`, which pull requests from forks do not get")
        return "; ".join(steps) or NO_LOGIN
    return PIPELINES_TASK if environ.get("TF_BUILD") else NO_LOGIN


def set_up_wrongly(source: str, error: Exception) -> AccessDenied:
    """The error for a login whose variables azure-identity does not accept."""
    message = f"the login ({source}) is set up wrongly: {error}"
    return AccessDenied(message, hint=f"correct or unset the variable that this is about: {SETTINGS}", code="no_login")


def refused(source: str, text: str, way_in: str = NO_LOGIN) -> GateliftError:
    """The error for what azure-identity says; `source` is the login that it was about, `way_in` how to log in."""
    text = TOKEN.sub("…", text)
    found = REFUSAL.search(text)
    if found is None and (lost := NETWORK.search(text)):
        message = f"{lost[1]} got no answer from Microsoft Entra ID"
        return NotReady(message, hint="check the network and its proxy (HTTPS_PROXY, ALL_PROXY)", code="no_connection")
    if found is None:
        return _no_login(text, way_in)
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


def _no_login(text: str, way_in: str) -> AccessDenied:
    az = AZ.search(text)
    said = f": `az` says: {az[1].strip()}" if az and not any(words in az[1] for words in NOT_USED) else ""
    return AccessDenied(f"not logged in to Azure{said}", hint=way_in, code="no_login")
