"""Secret references in environment variables: what they resolve to and why they cannot."""

import json
from typing import Any

import pytest

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.secret_references import REFUSAL, resolve_environment
from infra.emulator.world import World

NAME = "HuggingFaceTokenConnection"
TOKEN = f"${{{{azureml://connections/{NAME}/credentials/HF_TOKEN}}}}"


@pytest.fixture
def prepared(bare_world: World, workspace_of: Any) -> Any:
    workspace = workspace_of(bare_world)
    workspace.put_connection(HF_TOKEN="hf_secret", OTHER="other_secret")
    return workspace


@pytest.mark.parametrize(
    ("value", "expected", "secrets"),
    [
        pytest.param("plain ${NOT_A_REFERENCE} $${{ nor this }}", None, set(), id="no-reference"),
        pytest.param(TOKEN, "hf_secret", {"hf_secret"}, id="credential"),
        pytest.param(f"  {TOKEN} ", "hf_secret", {"hf_secret"}, id="blanks-around"),
        pytest.param(TOKEN.replace(NAME, NAME.lower()), "hf_secret", {"hf_secret"}, id="name-in-any-case"),
        pytest.param(f"${{{{azureml://connections/{NAME}/metadata/team}}}}", "blue", set(), id="metadata"),
        pytest.param(f"${{{{azureml://connections/{NAME}/target}}}}", "_", set(), id="target"),
    ],
)
def test_a_reference_resolves(
    bare_world: World, prepared: Any, value: str, expected: str | None, secrets: set[str]
) -> None:
    prepared.allow_secrets()
    resolved = resolve_environment(bare_world, prepared.endpoint, {"X": value})
    assert resolved.variables == {"X": value if expected is None else expected}
    assert resolved.secrets == secrets


def test_a_whole_connection_is_what_list_secrets_answers(bare_world: World, prepared: Any) -> None:
    prepared.allow_secrets()
    reference = f"${{{{azureml://connections/{NAME}}}}}"
    resolved = resolve_environment(bare_world, prepared.endpoint, {"CONNECTION": reference})
    document = json.loads(resolved.variables["CONNECTION"])
    assert document["name"] == NAME
    assert document["properties"]["credentials"]["keys"]["HF_TOKEN"] == "hf_secret"
    assert resolved.secrets == {"hf_secret", "other_secret"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(TOKEN.replace("HF_TOKEN", "hf_token"), "has no 'credentials/hf_token'", id="no-such-key"),
        pytest.param(TOKEN.replace(NAME, "Other"), "the workspace has no connection 'Other'", id="no-such-connection"),
        pytest.param(f"Bearer {TOKEN}", "has to be the whole value", id="within-a-value"),
        pytest.param("${{azureml://connection/x/credentials/y}}", "malformed secret reference", id="malformed"),
        pytest.param(TOKEN.replace("/HF_TOKEN", ""), "'credentials' is not part of a connection", id="no-key"),
        pytest.param(TOKEN.replace("credentials", "keys"), "'keys/HF_TOKEN' is not part", id="unknown-part"),
        pytest.param(
            "${{keyvault:https://v.vault.azure.net/secrets/s/1}}", "no key vault 'v.vault.azure.net'", id="key-vault"
        ),
    ],
)
def test_a_reference_that_leads_nowhere(bare_world: World, prepared: Any, value: str, reason: str) -> None:
    prepared.allow_secrets()
    with pytest.raises(DeploymentFailed) as failure:
        resolve_environment(bare_world, prepared.endpoint, {"FINE": "1", "HF_TOKEN": value})
    assert failure.value.code == "SecretsInjectionError"
    assert failure.value.message.startswith(REFUSAL)
    assert "'HF_TOKEN'" in failure.value.message
    assert reason in failure.value.message
    assert "hf_secret" not in failure.value.message


def test_the_identity_needs_the_role(bare_world: World, prepared: Any) -> None:
    with pytest.raises(DeploymentFailed, match="may not read the secrets") as failure:
        resolve_environment(bare_world, prepared.endpoint, {"HF_TOKEN": TOKEN})
    assert prepared.identity in failure.value.message


def test_a_role_that_has_not_spread_yet_does_not_count(bare_world: World, prepared: Any) -> None:
    prepared.allow_secrets()
    bare_world.settings.update({"role_propagation_seconds": 600})
    with pytest.raises(DeploymentFailed, match="SecretsInjectionError"):
        resolve_environment(bare_world, prepared.endpoint, {"HF_TOKEN": TOKEN})


def test_a_user_assigned_identity_counts(bare_world: World, prepared: Any) -> None:
    endpoint = bare_world.store.get(prepared.endpoint)
    assert endpoint is not None
    assigned = {"/subscriptions/x/identity": {"principalId": prepared.identity, "clientId": "c"}}
    endpoint["identity"] = {"type": "UserAssigned", "userAssignedIdentities": assigned}
    bare_world.store.put(prepared.endpoint, endpoint)
    prepared.allow_secrets()
    assert resolve_environment(bare_world, prepared.endpoint, {"T": TOKEN}).variables == {"T": "hf_secret"}
