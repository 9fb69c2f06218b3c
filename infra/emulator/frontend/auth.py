"""Who may call an endpoint: its keys, a token issued by it, or a Microsoft Entra token with the right to score."""

import hmac
from typing import Any

from infra.emulator.identity.tokens import TokenRejected
from infra.emulator.world import World

SCORE_ACTION = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
ENTRA_AUDIENCE = "https://ml.azure.com"


def refusal(world: World, endpoint_id: str, endpoint: dict[str, Any], authorization: str) -> str | None:
    """The reason to refuse this `Authorization` header, None if it is valid."""
    scheme, _, credential = authorization.strip().partition(" ")
    credential = credential.strip()
    mode = str(endpoint.get("properties", {}).get("authMode", "Key")).lower()
    if scheme.lower() != "bearer" or not credential:
        return "key_auth_bad_header_forbidden" if mode == "key" else "token_auth_bad_header_forbidden"
    if mode == "key":
        return None if _is_key(world, endpoint_id, credential) else "key_auth_access_denied"
    audience = aml_token_audience(endpoint_id) if mode == "amltoken" else ENTRA_AUDIENCE
    try:
        principal = world.tokens.verify(credential, {audience})
    except TokenRejected as rejected:
        return rejected.reason
    if mode == "aadtoken" and not world.authorization.allowed(principal.object_id, SCORE_ACTION, endpoint_id):
        return (
            f"The client '{principal.app_id}' with object id '{principal.object_id}' does not have authorization to "
            f"perform action '{SCORE_ACTION}' over scope '{endpoint_id}'."
        )
    return None


def aml_token_audience(endpoint_id: str) -> str:
    """The audience of the tokens that an endpoint with `aml_token` issues: valid for this endpoint alone."""
    return f"azureml://endpoints{endpoint_id.rstrip('/').lower()}"


def _is_key(world: World, endpoint_id: str, credential: str) -> bool:
    keys = world.store.secrets(endpoint_id) or {}
    # Both are always compared, so that the time of the answer reveals nothing.
    matches = [
        hmac.compare_digest(str(keys[name]).encode(), credential.encode())
        for name in ("primaryKey", "secondaryKey")
        if keys.get(name)
    ]
    return any(matches)
