"""What an Azure error code means and what to do about it.

Sources: Azure ML "Troubleshoot online endpoints", "Secret injection in online endpoints", RBAC troubleshooting.
A code that is not here is shown whole, without a hint.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Diagnosis:
    """Why it happens and the way out."""

    cause: str
    hint: str


KNOWN: dict[str, Diagnosis] = {
    "SecretsInjectionError": Diagnosis(
        "the endpoint's identity could not read the secret that the deployment's environment variables refer to",
        "create the endpoint with `enforce_access_to_default_secret_stores: enabled` (a new endpoint: the flag cannot "
        "be added later), or give its identity the role 'Azure Machine Learning Workspace Connection Secrets Reader' "
        "on the workspace and wait up to 10 minutes; check the connection and its key with `gatelift token verify`",
    ),
    "OutOfQuota": Diagnosis(
        "the subscription has too few cores of this VM family in this region, the container ran out of memory or disk, "
        "or the region has no capacity",
        "choose a smaller instance_type or another region, or ask for more quota in Azure ML studio",
    ),
    "ResourceNotReady": Diagnosis(
        "the container ended, or did not become ready within the probes' time",
        "`gatelift logs` shows the container's output; for a slow load raise readiness_probe.failure_threshold",
    ),
    "ImageBuildFailure": Diagnosis(
        "the environment's image could not be built", "read the build log named in the message"
    ),
    "BadArgument": Diagnosis(
        "image, model or code cannot be found or pulled by the endpoint's identity",
        "check the names in the message; a user-assigned identity needs AcrPull and Storage Blob Data Reader",
    ),
    "AuthorizationFailed": Diagnosis(
        "the signed-in principal lacks a right",
        "ask for the role AzureML Data Scientist on the workspace; new roles take up to 10 minutes to arrive",
    ),
    "SubscriptionNotRegistered": Diagnosis(
        "a resource provider is not registered in the subscription",
        "`az provider register --namespace Microsoft.MachineLearningServices`, and PolicyInsights, Cdn",
    ),
    "UserError": Diagnosis(
        "the service refused the request",
        "an endpoint's name is unique in the whole region: choose another endpoint.name",
    ),
    "OperationCanceled": Diagnosis("another operation on the endpoint came first", "run the command again in a minute"),
    "InternalServerError": Diagnosis(
        "Azure failed", "run the command again; if it stays, open a support ticket with the request id"
    ),
    "WorkspaceManagedNetworkNotReady": Diagnosis(
        "the workspace's managed network is not provisioned", "`az ml workspace provision-network --name WORKSPACE`"
    ),
    "ResourceGroupNotFound": Diagnosis(
        "the resource group does not exist", "check workspace.resource_group in the spec"
    ),
    "SubscriptionNotFound": Diagnosis(
        "the subscription does not exist or is not yours",
        "check workspace.subscription_id, and the tenant of `az login`",
    ),
    "TooManyRequests": Diagnosis("Azure throttles this subscription", "run the command again in a minute"),
}

CLUES: tuple[tuple[str, str], ...] = (
    ("inject workspace connection secrets", "SecretsInjectionError"),
    ("Not enough quota", "OutOfQuota"),
    ("name already exists", "UserError"),
    ("crashed or terminated", "ResourceNotReady"),
    ("isn't registered with Subscription", "SubscriptionNotRegistered"),
)


@dataclass(frozen=True)
class AzureError:
    """An error body of Azure, flattened: the innermost code that says something, and every message."""

    code: str
    message: str

    @property
    def hint(self) -> str:
        """The way out, where it is known."""
        return KNOWN[self.code].hint if self.code in KNOWN else ""


def read_error(body: Mapping[str, Any] | str | None, *, fallback: str = "the service said nothing more") -> AzureError:
    """Azure's `{"error": {code, message, details}}`, however deep the real reason lies."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return AzureError("", body[:2000] if isinstance(body, str) and body else fallback)
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return AzureError("", fallback)
    codes, messages = _walk(error)
    text = " ".join(messages)
    known = next((code for code in reversed(codes) if code in KNOWN), "")
    clue = next((code for words, code in CLUES if words in text), "")
    chosen = clue if known in ("", "BadArgument", "UserError", "InternalServerError") and clue else known
    return AzureError(chosen or (codes[0] if codes else ""), text or fallback)


def _walk(error: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    codes = [str(error["code"])] if error.get("code") else []
    messages = [_unpacked(str(error["message"]))] if error.get("message") else []
    for detail in error.get("details") or []:
        if isinstance(detail, Mapping):
            more_codes, more_messages = _walk(detail)
            codes += more_codes
            messages += [message for message in more_messages if message not in messages]
    return codes, messages


def _unpacked(message: str) -> str:
    """Quota errors come as JSON inside the message: `{"errors": {"VmSize": ["Not enough quota …"]}}`."""
    start = message.find('{"errors"')
    if start < 0:
        return message.strip()
    try:
        inner = json.JSONDecoder().raw_decode(message[start:])[0]["errors"]
    except (ValueError, KeyError, TypeError):
        return message.strip()
    texts = [text for value in inner.values() for text in (value if isinstance(value, list) else [value])]
    return " ".join(str(text) for text in texts)
