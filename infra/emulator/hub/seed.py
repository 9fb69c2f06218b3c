"""The tokens and repositories that the emulated Hub has from the start."""

import secrets
from typing import Any

from infra.emulator.hub.gate import HubToken, put_token, tokens
from infra.emulator.hub.repos import HubRepos
from infra.emulator.state.store import Store

DEMO_USER = "demo"
DEMO_TOKEN_RECORD = ("demo-token", "current")


def apply_hub_seed(store: Store, repos: HubRepos, section: dict[str, Any] | None) -> None:
    """Store the demo models and what the section `hub` of a seed file names; without tokens there, a demo token."""
    section = section or {}
    repos.put_demo_models(DEMO_USER)
    for token in section.get("tokens", []):
        put_token(store, HubToken(**token))
    for repo in section.get("repos", []):
        repos.put(repo)
    if "tokens" not in section and not tokens(store):
        token = HubToken(f"hf_{secrets.token_urlsafe(24).replace('-', 'x').replace('_', 'y')}", DEMO_USER)
        put_token(store, token)
        store.put_record(*DEMO_TOKEN_RECORD, {"user": token.user, "token": token.value})
