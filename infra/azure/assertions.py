"""Gets the assertions with which CI services and Kubernetes vouch for a workload: a new one at each call."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from infra.errors import AccessDenied, NotReady
from infra.http_client import Unreachable, Web

GITHUB_URL, GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def from_github(environ: Mapping[str, str], audience: str) -> str:
    """A new assertion of GitHub about the running job; `AccessDenied` where the job may have none."""
    url = environ[GITHUB_URL]
    url += ("&" if "?" in url else "?") + urlencode({"audience": audience})
    headers = {"Authorization": f"bearer {environ[GITHUB_TOKEN]}", "Accept": "application/json"}
    try:
        answer = Web().read(url, headers=headers)
        assertion = answer.json()["value"] if answer.status == 200 else ""
    except Unreachable as error:
        hint = "run the job again: it continues where this one ended"
        raise NotReady(f"GitHub's OIDC service gave no answer: {error}", hint=hint, code="no_connection") from None
    except (ValueError, KeyError, TypeError):
        assertion = ""
    if not assertion:
        hint = "the job needs `permissions: id-token: write`, and must still be running"
        message = f"GitHub's OIDC service gave this job no assertion: it answered {answer.status}"
        raise AccessDenied(message, hint=hint, code="no_assertion")
    return str(assertion)


def from_file(path: str) -> str:
    """The assertion in a file that Kubernetes renews; `AccessDenied` where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        message = (
            f"cannot read the assertion in {path} (AZURE_FEDERATED_TOKEN_FILE): {getattr(error, 'strerror', error)}"
        )
        raise AccessDenied(
            message, hint="check that variable, and the pod's service account", code="no_assertion"
        ) from None
