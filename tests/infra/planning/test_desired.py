"""The resources that a spec describes, with the fields of the Azure ML YAML."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from infra.hub.facts import ModelFacts
from infra.planning.desired import ORDER, Sources, desired_resources
from infra.planning.sources.found import Found
from infra.resources.base import Resource, State
from infra.spec.model import StackSpec, spec_from

IDENTITY = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/group/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities/reader"
)
SECRET = "${{azureml://connections/HuggingFaceTokenConnection/credentials/HF_TOKEN}}"


def resources(values: dict[str, Any], facts: ModelFacts | None, sources: Sources) -> dict[str, Resource]:
    spec, found = spec_from(values), Found(facts) if facts else None
    return {r.kind: r for r in desired_resources(spec, found, None, sources, "https://huggingface.co/org/Gated_Model")}


def states(values: dict[str, Any], facts: ModelFacts | None, sources: Sources) -> dict[str, State]:
    return {kind: resource.desired for kind, resource in resources(values, facts, sources).items()}


def test_a_gated_model_needs_every_kind_in_order(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    identity = {"type": "user_assigned", "user_assigned_identities": [IDENTITY]}
    spec_values["endpoint"] |= {"identity": identity}
    spec_values["deployment"] |= {"autoscale": {"max": 2, "target": 60}}
    of_the_hub = [kind for kind in ORDER if kind != "weights"]
    assert list(resources(spec_values, gated_facts, sources)) == of_the_hub


def test_a_token_in_key_vault_needs_no_connection_and_no_role_to_read_one(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    address = f"https://vault.vault.azure.net/secrets/hub-token/{'0' * 32}"
    spec_values["token"] = {"key_vault": address}
    spec_values["endpoint"] |= {"identity": {"type": "user_assigned", "user_assigned_identities": [IDENTITY]}}
    found = states(spec_values, gated_facts, sources)
    assert found["deployment"]["environment_variables"]["HF_TOKEN"] == f"${{{{keyvault:{address}}}}}"
    assert "connection" not in found
    everything = desired_resources(spec_from(spec_values), Found(gated_facts), None, sources, "")
    roles = [resource.desired["role"] for resource in everything if resource.kind == "role"]
    assert roles == ["AcrPull", "Storage Blob Data Reader"]


def test_the_deployment_refers_to_the_secret_and_pins_the_commit(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    deployment = states(spec_values, gated_facts, sources)["deployment"]
    variables = deployment["environment_variables"]
    assert variables["HF_TOKEN"] == SECRET
    assert variables["SCORING_REVISION"] == "a" * 40
    assert json.loads(variables["SCORING_ENGINE_ARGS"]) == {"max_model_len": 4096}
    assert deployment["request_settings"] == {
        "request_timeout_ms": 180_000,
        "max_concurrent_requests_per_instance": 64,
    }
    budget = deployment["readiness_probe"]
    assert budget["period"] * budget["failure_threshold"] == 3600


def test_concurrency_follows_the_engine_and_probes_are_laid_over_the_defaults(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    spec_values["deployment"] |= {"engine": {"max_num_seqs": 8}, "liveness_probe": {"period": 20}}
    deployment = states(spec_values, gated_facts, sources)["deployment"]
    assert deployment["request_settings"]["max_concurrent_requests_per_instance"] == 8
    assert (deployment["liveness_probe"]["period"], deployment["liveness_probe"]["initial_delay"]) == (20, 30)


def test_an_open_model_has_no_connection_and_no_secret(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    found = states(spec_values, replace(gated_facts, gated=False), sources)
    assert "connection" not in found
    assert "HF_TOKEN" not in found["deployment"]["environment_variables"]


def test_a_spec_that_asks_for_the_token_gets_it_for_an_open_model(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    spec_values["token"] = {"connection": "Other", "key": "KEY"}
    found = states(spec_values, replace(gated_facts, gated=False), sources)
    assert found["connection"]["name"] == "Other"
    secret = found["deployment"]["environment_variables"]["HF_TOKEN"]
    assert secret == "${{azureml://connections/Other/credentials/KEY}}"


def test_a_registry_model_brings_its_own_container(spec_values: dict[str, Any], sources: Sources) -> None:
    uri = "azureml://registries/HuggingFace/models/org-model/labels/latest"
    del spec_values["catalog"]
    spec_values |= {"model": {"id": uri}, "deployment": {"instance_type": "Standard_NC24ads_A100_v4"}}
    found = states(spec_values, None, sources)
    assert set(found) == {"endpoint", "deployment", "traffic"}
    assert found["deployment"]["model"] == uri
    assert found["deployment"]["environment_variables"] == {}


@pytest.mark.parametrize(
    ("endpoint", "properties"),
    [
        pytest.param({}, {"enforce_access_to_default_secret_stores": "enabled"}, id="on-by-default"),
        pytest.param({"enforce_access_to_default_secret_stores": "disabled"}, None, id="off"),
        pytest.param(
            {"identity": {"type": "user_assigned", "user_assigned_identities": [IDENTITY]}}, None, id="user-assigned"
        ),
    ],
)
def test_the_enforce_flag(
    spec_values: dict[str, Any],
    gated_facts: ModelFacts,
    sources: Sources,
    endpoint: dict[str, Any],
    properties: dict[str, str] | None,
) -> None:
    spec_values["endpoint"] |= endpoint
    assert states(spec_values, gated_facts, sources)["endpoint"].get("properties") == properties


def test_the_catalog_entry_has_tags_to_search_for(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    entry = states(spec_values, gated_facts, sources)["model"]
    assert entry["name"] == "org-gated-model"
    assert entry["tags"]["invisibleUntil"] == "2026-01-16T00:00:00.000Z"
    assert (entry["tags"]["modelId"], entry["tags"]["license"], entry["tags"]["team"]) == (
        "org/Gated_Model",
        "mit",
        "search",
    )


def test_tags_do_not_change_the_cards_version(
    spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    before = states(spec_values, gated_facts, sources)["model"]["version"]
    spec_values["catalog"] = {"tags": {"other": "x"}}
    assert states(spec_values, gated_facts, sources)["model"]["version"] == before
    assert states(spec_values, replace(gated_facts, revision="b" * 40), sources)["model"]["version"] != before


def test_code_is_named_by_its_content_and_caches_do_not_count(
    tmp_path: Path, spec_values: dict[str, Any], gated_facts: ModelFacts, sources: Sources
) -> None:
    copy = tmp_path / "code"
    shutil.copytree(sources.scoring, copy)
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "x.pyc").write_bytes(b"x")
    there = Sources(copy, sources.environment)
    name = resources(spec_values, gated_facts, sources)["code"].name
    assert resources(spec_values, gated_facts, there)["code"].name == name
    (copy / "more.py").write_text("x = 1\n", encoding="utf-8")
    later = Sources(copy, sources.environment)
    assert resources(spec_values, gated_facts, later)["code"].name != name


def test_every_state_names_its_owner_and_says_nothing_secret(
    stack_spec: StackSpec, gated_facts: ModelFacts, sources: Sources
) -> None:
    found = desired_resources(stack_spec, Found(gated_facts), "hf_verysecret1", sources, "page")
    assert "verysecret" not in repr(found) + json.dumps([resource.desired for resource in found])
    tagged = [resource.desired["tags"]["gatelift"] for resource in found if "tags" in resource.desired]
    assert len(tagged) == 5
    assert all(tag.startswith("demo@") for tag in tagged)
