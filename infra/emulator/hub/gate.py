"""Access on the emulated Hub: tokens, gates, and the Hub's own words for each refusal."""

from dataclasses import dataclass
from typing import Any

from infra.emulator.hub.repos import Repo
from infra.emulator.state.store import Store

TOKENS = "/hub"  # the key of the tokens among the secrets
STATES = ("accepted", "pending", "rejected", "reset")
# Public on a gated repository too, at its root and in this spelling.
UNGATED_FILES = frozenset(("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"))
ANONYMOUS = (
    "Access to model {id} is restricted. You must have access to it and be authenticated to access it. Please log in."
)
NOT_ASKED = (
    "Access to model {id} is restricted and you are not in the authorized list. "
    "Visit https://huggingface.co/{id} to ask for access."
)
REFUSED = {
    "pending": "Your request to access model {id} is awaiting a review from the repo authors.",
    "rejected": "Your request to access model {id} has been rejected by the repo's authors.",
    "reset": (
        "Your request to access model {id} has been reset by the repo's authors. "
        "Visit https://huggingface.co/{id} to submit a new request."
    ),
}
WITHOUT_GATED_REPOS = (
    "Please enable access to public gated repositories in your fine-grained token settings to view this repository."
)


class HubError(Exception):
    """A refusal: status, the value of X-Error-Code (some have none) and the text of X-Error-Message."""

    def __init__(self, status: int, code: str, message: str, commit: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.commit = commit


@dataclass(frozen=True)
class HubToken:
    """An access token: its user and its permissions."""

    value: str
    user: str
    role: str = "read"
    gated_repos: bool = True


def tokens(store: Store) -> list[HubToken]:
    """Every token."""
    kept: list[dict[str, Any]] = (store.secrets(TOKENS) or {}).get("tokens", [])
    return [HubToken(**token) for token in kept]


def put_token(store: Store, token: HubToken) -> None:
    """Create or replace a token."""
    others = [vars(other) for other in tokens(store) if other.value != token.value]
    store.put_secrets(TOKENS, {"tokens": [*others, vars(token)]})


def identify(store: Store, authorization: str | None) -> HubToken | None:
    """The token of a request, None for an anonymous one; an unknown token is refused whatever it asks for."""
    if not authorization:
        return None
    if found := own_token(store, authorization):
        return found
    raise HubError(401, "", "Invalid credentials in Authorization header")


def own_token(store: Store, authorization: str) -> HubToken | None:
    """The token of a header if it is one of ours."""
    value = bearer(authorization)
    return next((token for token in tokens(store) if token.value == value), None)


def bearer(authorization: str) -> str:
    """The token in a header; empty where there is none."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def not_found(token: HubToken | None) -> HubError:
    """The answer for a repository that does not exist or is hidden from the caller."""
    if token is None:
        # The real Hub sends no code: huggingface_hub infers it from an https URL, and this one is not https.
        return HubError(401, "RepoNotFound", "Invalid username or password.")
    return HubError(404, "RepoNotFound", "Repository not found")


def check_visible(repo: Repo, token: HubToken | None) -> None:
    """Refuse a private repository to everyone but its owner."""
    if repo.private and (token is None or token.user != repo.owner):
        raise not_found(token)


def check_gate(repo: Repo, token: HubToken | None) -> None:
    """Raise the Hub's refusal unless the caller may read the files."""
    if not repo.gated or (token and token.user == repo.owner):
        return
    if token is None:
        raise HubError(401, "GatedRepo", ANONYMOUS.format(id=repo.id))
    if token.role == "fineGrained" and not token.gated_repos:
        raise HubError(403, "", WITHOUT_GATED_REPOS)  # the Hub sends no code with this one
    state = repo.access.get(token.user)
    if state != "accepted":
        raise HubError(403, "GatedRepo", REFUSED.get(state or "", NOT_ASKED).format(id=repo.id))


def may_read(repo: Repo, token: HubToken | None) -> bool:
    """Whether the caller may read the files."""
    try:
        check_gate(repo, token)
    except HubError:
        return False
    return True


def check_write(repo: Repo, token: HubToken | None) -> None:
    """Raise the Hub's refusal unless the caller is the owner with a token that may write."""
    if token is None:
        raise not_found(token)
    if token.user != repo.owner or token.role == "read":
        raise HubError(403, "", "You have read access but not the required permissions for this operation")
