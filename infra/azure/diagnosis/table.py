"""The error codes of online endpoints: why each occurs, and what to do.

Sources: Azure ML "Troubleshoot online endpoints" (https://aka.ms/oe-tsg), "Secret injection in online endpoints",
Azure RBAC troubleshooting, Resource Manager's common error codes. A code may have causes in several topics; a cause
without words is the general one and comes last.
"""

from infra.azure.diagnosis.access import ACCESS
from infra.azure.diagnosis.capacity import CAPACITY
from infra.azure.diagnosis.cause import Causes, Diagnosis
from infra.azure.diagnosis.containers import CONTAINERS
from infra.azure.diagnosis.frontend import FRONT_END, NO_ROUTE
from infra.azure.diagnosis.images import IMAGES
from infra.azure.diagnosis.requests import REQUESTS
from infra.azure.diagnosis.secrets import SECRETS

TSG = "https://aka.ms/oe-tsg"
ENTRA = "https://login.microsoftonline.com/error?code="


def _merged(*topics: Causes) -> Causes:
    known: dict[str, tuple[Diagnosis, ...]] = {}
    for topic in topics:
        for code, causes in topic.items():
            known[code] = tuple(sorted(known.get(code, ()) + causes, key=lambda cause: not cause.words))
    return known


KNOWN = _merged(SECRETS, CAPACITY, IMAGES, CONTAINERS, ACCESS, REQUESTS, FRONT_END)

# Azure wraps many of these errors in a general code; then words in the message say which one it is.
CLUES: tuple[tuple[str, str], ...] = (
    ("inject workspace connection secrets", "SecretsInjectionError"),
    ("Not enough quota", "OutOfQuota"),
    ("Not enough subscription CPU quota", "OutOfQuota"),
    ("insufficient memory", "OutOfQuota"),
    ("name already exists", "UserError"),
    ("No valid deployments to route to", NO_ROUTE),
    ("crashed or terminated", "ResourceNotReady"),
    ("isn't registered with Subscription", "SubscriptionNotRegistered"),
    ("pull permission", "BadArgument"),
    ("waiting for Environment Image", "ImageBuildFailure"),
    ("toomanyrequests", "ImageBuildFailure"),
    ("image_build_compute", "ImageBuildFailure"),
    ("unsatisfied condition", "ResourceNotReady"),
    ("provisioning state", "Conflict"),
)


def page_of(code: str) -> str:
    """Where Microsoft explains a code: for AADSTS codes a page of Entra's, else the guide for online endpoints."""
    number = code.upper().removeprefix("AADSTS")
    return ENTRA + number if number != code.upper() and number.isdigit() else TSG
