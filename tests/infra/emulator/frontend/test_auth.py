"""Who gets through the front end: keys, AML tokens, Entra tokens."""

from typing import Any

import httpx
import pytest

from infra.emulator.frontend.auth import aml_token_audience
from infra.emulator.identity.tokens import Principal
from infra.emulator.world import World

pytestmark = pytest.mark.anyio

CALLER = Principal("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", "caller")
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"


@pytest.mark.parametrize(
    ("authorization", "body"),
    [
        pytest.param(None, "key_auth_bad_header_forbidden", id="missing"),
        pytest.param("Basic Zmlyc3Qta2V5", "key_auth_bad_header_forbidden", id="not-bearer"),
        pytest.param("Bearer", "key_auth_bad_header_forbidden", id="empty"),
        pytest.param("Bearer first-kez", "key_auth_access_denied", id="wrong"),
    ],
)
async def test_without_a_key_nothing_gets_through(
    running: httpx.AsyncClient, authorization: str | None, body: str
) -> None:
    del running.headers["Authorization"]
    headers = {"Authorization": authorization} if authorization else {}
    answer = await running.get("/describe", headers=headers)
    assert (answer.status_code, answer.text) == (401, body)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_regenerated_key_works_at_once_and_the_old_one_no_more(
    running: httpx.AsyncClient, world: World, workspace: Any
) -> None:
    second = {"Authorization": "Bearer second-key"}
    assert (await running.get("/describe", headers=second)).status_code == 200
    world.store.put_secrets(workspace.endpoint, {"primaryKey": "first-key", "secondaryKey": "third-key"})
    assert (await running.get("/describe", headers=second)).status_code == 401
    assert (await running.get("/describe", headers={"Authorization": "Bearer third-key"})).status_code == 200


@pytest.mark.parametrize(
    ("mode", "token", "role", "status"),
    [
        pytest.param("AMLToken", "own", None, 200, id="aml-token"),
        pytest.param("AMLToken", "entra", None, 401, id="aml-token-of-another-audience"),
        pytest.param("AMLToken", "expired", None, 401, id="aml-token-expired"),
        pytest.param("AMLToken", "key", None, 401, id="key-where-a-token-is-due"),
        pytest.param("AADToken", "entra", DATA_SCIENTIST, 200, id="entra-token"),
        pytest.param("AADToken", "entra", None, 401, id="entra-token-without-the-right-to-score"),
        pytest.param("AADToken", "own", DATA_SCIENTIST, 401, id="entra-token-of-another-audience"),
    ],
)
async def test_tokens(
    running: httpx.AsyncClient, world: World, workspace: Any, mode: str, token: str, role: str | None, status: int
) -> None:
    workspace.put_endpoint(mode)
    if role:
        world.authorization.assign(CALLER.object_id, role, workspace.endpoint)
    audience = "https://ml.azure.com" if token == "entra" else aml_token_audience(workspace.endpoint)
    value = "first-key" if token == "key" else world.tokens.issue(CALLER, audience, -1 if token == "expired" else 60)
    answer = await running.get("/describe", headers={"Authorization": f"Bearer {value}"})
    assert answer.status_code == status
