"""What `doctor` finds before anything is created; the command only prints it."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import AccessDenied
from infra.operations.doctor.run import run_checks
from infra.operations.doctor.stack import StackChecks
from infra.operations.doctor.verdicts import Check, Verdict
from infra.spec.model import EnvironmentSpec, StackSpec, spec_from, to_values

GOOD = "hf_goodtoken001"
VAULT = "https://vault.vault.azure.net/secrets/hf/0123456789abcdef0123456789abcdef"


def checks(bench: Any, folder: Path, spec: StackSpec, token: str | None) -> dict[str, Check]:
    path = folder / "spec.yaml"
    path.write_text(json.dumps(to_values(spec)))
    found = run_checks(path, local=True, token=token, environ=bench.environ)
    return {check.name: check for check in found}


def test_a_stack_that_can_be_created_passes(bench: Any, tmp_path: Path) -> None:
    found = checks(bench, tmp_path, bench.spec("healthy"), GOOD)
    assert [name for name, check in found.items() if check.verdict is Verdict.FAIL] == []
    assert found["token"].detail == "reader's read token (given) gives access to org/gated"
    assert "does not exist yet" in found["connection"].detail
    assert "builds gatelift-vllm:" in found["image"].detail
    assert "vllm/vllm-openai" in found["image"].detail


@pytest.mark.parametrize(
    ("variables", "there", "said"),
    [
        pytest.param({}, True, "vLLM's Rust and Python ones", id="both"),
        pytest.param(
            {"VLLM_RUST_FRONTEND_PATH": "/nowhere"},
            False,
            "vLLM's Python one alone: VLLM_RUST_FRONTEND_PATH=/nowhere is no executable file",
            id="no-program",
        ),
        pytest.param({"SCORING_FRONT": "python"}, True, "alone, as SCORING_FRONT says", id="not-wanted"),
    ],
)
def test_the_fronts_of_a_local_container_are_told(
    variables: dict[str, str], there: bool, said: str, bench: Any, tmp_path: Path
) -> None:
    if there:
        program = tmp_path / "vllm-rs"
        program.touch(0o755)
        variables = {**variables, "VLLM_RUST_FRONTEND_PATH": str(program)}
    spec = bench.spec("fronts", deployment={"environment_variables": variables})
    found = checks(bench, tmp_path, spec, GOOD)["fronts"]
    assert found.verdict is Verdict.OK
    assert said in found.detail


@pytest.mark.parametrize(
    ("changes", "token", "check", "verdict", "text"),
    [
        pytest.param({}, None, "token", Verdict.FAIL, "none was given", id="no-token"),
        pytest.param({}, "hf_nosuchtoken7", "token", Verdict.FAIL, "does not know this token", id="unknown-token"),
        pytest.param({}, "hf_waitingtok04", "token", Verdict.FAIL, "waiting", id="access-is-pending"),
        pytest.param(
            {"token": {"key_vault": VAULT}}, None, "token", Verdict.WARN, "Key Vault", id="a-token-that-is-not-read"
        ),
        pytest.param({"model": {"id": "org/none"}}, GOOD, "model", Verdict.FAIL, "org/none", id="no-such-model"),
        pytest.param(
            {"deployment": {"instance_type": "Standard_NC80adis_H100_v5"}},
            GOOD,
            "quota",
            Verdict.FAIL,
            "limit of 40 cores",
            id="not-enough-cores",
        ),
        pytest.param(
            {"deployment": {"engine": {"tensor_parallel_size": 2}}},
            GOOD,
            "gpus",
            Verdict.WARN,
            "may limit to 64 MB",
            id="shared-memory-for-two-gpus",
        ),
    ],
)
def test_what_would_fail_later_is_found_now(
    bench: Any,
    tmp_path: Path,
    changes: dict[str, Any],
    token: str | None,
    check: str,
    verdict: Verdict,
    text: str,
) -> None:
    found = checks(bench, tmp_path, bench.spec("doctor", **changes), token)[check]
    assert (found.verdict, text in found.detail, bool(found.fix)) == (verdict, True, True), found


def test_the_stored_token_is_asked_about_where_none_is_given(bench: Any, tmp_path: Path) -> None:
    spec = bench.spec("stored-token")
    bench.up(spec)
    found = checks(bench, tmp_path, spec, None)
    assert found["token"].detail == "reader's read token (stored) gives access to org/gated"
    assert found["endpoint"].detail == "stored-token-endpoint is this stack's own"


def test_the_image_cannot_be_built_without_a_registry(bench: Any, tmp_path: Path) -> None:
    spec = bench.spec("unregistered")
    target = bench.target(spec)
    target.arm.put(target.workspace.id, {"location": "eastus", "properties": {}})
    found = checks(bench, tmp_path, spec, GOOD)["image"]
    assert (found.verdict, "no container registry" in found.detail) == (Verdict.FAIL, True)
    assert "environment.image" in found.fix
    image = "ghcr.io/gatelift/gatelift-vllm@sha256:" + "a" * 64
    ready = spec.but(environment=EnvironmentSpec(image=image))
    assert checks(bench, tmp_path, ready, GOOD)["image"].verdict is Verdict.OK


def test_a_file_is_tried_with_the_token_of_the_container(bench: Any, tmp_path: Path) -> None:
    gated = checks(bench, tmp_path, bench.spec("tried"), GOOD)
    assert gated["download"].detail == "config.json, model.safetensors can be read from here with the token"
    assert gated["files"].detail == "1 file of safetensors weights, 0.00 GB"
    public = checks(bench, tmp_path, bench.spec("tried-open", model={"id": "org/open"}), '"hf_with quotes"')
    assert public["download"].detail == "config.json, model.safetensors can be read from here without a token"
    assert public["token"].detail.startswith("the model needs no token, and HF_TOKEN holds none")


def test_a_folder_is_looked_into_as_a_repository_is(bench: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"x" * 2000)
    found = checks(bench, tmp_path, _of_folder(bench, folder), None)
    assert (found["spec"].verdict, "model-00002-of-00002" in found["spec"].detail) == (Verdict.FAIL, True)
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"x" * 2000)
    found = checks(bench, tmp_path, _of_folder(bench, folder), None)
    assert found["files"].detail == "2 files of safetensors weights, 0.00 GB"
    assert str(folder) in found["model"].detail
    assert "nothing" in found["download"].detail


def _of_folder(bench: Any, folder: Path) -> StackSpec:
    return spec_from({**to_values(bench.spec("folder")), "model": {"path": str(folder)}})


@pytest.mark.parametrize(
    ("actions", "missing"),
    [
        pytest.param(["Microsoft.Insights/*"], "", id="monitoring-contributor"),
        pytest.param(["*/read"], "you may not do Microsoft.Insights/autoscaleSettings/write, ", id="reader"),
    ],
)
def test_who_may_write_an_autoscale_setting(
    bench: Any, plain_cloud: Any, shelf: Any, actions: list[str], missing: str
) -> None:
    spec = bench.spec("scaler", deployment={"autoscale": {"max": 2, "target": 60}})
    found = StackChecks(spec, bench.target(spec))
    found.cloud = plain_cloud
    group = plain_cloud.workspace.id.partition("/providers/")[0]
    shelf.hold(f"{group}/providers/Microsoft.Authorization/permissions/1", {"actions": actions, "notActions": []})
    if not missing:
        assert found.check_autoscale() == "you may write the autoscale setting"
        return
    with pytest.raises(AccessDenied, match=missing) as caught:
        found.check_autoscale()
    assert "Monitoring Contributor" in caught.value.hint
