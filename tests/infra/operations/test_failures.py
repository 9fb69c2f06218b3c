"""What can go wrong during `up`: each gives one clear error, and the next `up` continues from there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.errors import AccessDenied, GateliftError, NotFound, NotReady, OperationFailed, Refused, SpecError
from infra.operations.down import plan_down
from infra.spec.model import to_values

INTERRUPTED = """
import json, os, signal, sys
from pathlib import Path
from infra.azure.target import open_target
from infra.operations.up import up
from infra.planning.desired import Sources
from infra.planning.prepare import prepare
from infra.reporter import Silent
from infra.spec.model import spec_from

class KillsItself(Silent):
    def phase_started(self, kind, name):
        if kind == sys.argv[4]:
            os.kill(os.getpid(), signal.Signals[sys.argv[5]])

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
spec = spec_from(json.loads(sys.argv[1]))
target = open_target(spec, local=True, environ={"GATELIFT_EMULATOR_STATE": sys.argv[2]}, absent="make")
sources = Sources(Path(sys.argv[3]), Path(sys.argv[6]))
prepared = prepare(spec, target, token=os.environ["TEST_TOKEN"], sources=sources, with_credential=True)
up(prepared, target, reporter=KillsItself())
"""


@pytest.mark.parametrize(
    ("token", "kind", "code", "hint"),
    [
        pytest.param(None, AccessDenied, "token_missing", "gatelift emulator token", id="no-token"),
        pytest.param("hf_nosuchtoken7", AccessDenied, "token_invalid", "HF_TOKEN", id="unknown-token"),
        pytest.param("hf_strangertok3", AccessDenied, "access_not_requested", "org/gated", id="no-access"),
        pytest.param("hf_waitingtok04", AccessDenied, "access_pending", "org/gated", id="pending"),
        pytest.param("hf_rejectedtok5", AccessDenied, "access_rejected", "org/gated", id="rejected"),
        pytest.param("hf_finegrained6", AccessDenied, "token_scope", "tokens", id="fine-grained-without-scope"),
    ],
)
def test_an_unusable_token_is_reported_before_anything_is_created(
    bench: Any, token: str | None, kind: type[GateliftError], code: str, hint: str
) -> None:
    spec = bench.spec("denied")
    with pytest.raises(kind) as error:
        bench.up(spec, token=token)
    assert error.value.code == code
    assert hint in error.value.hint
    assert not plan_down(spec, bench.target(spec)).has_changes


@pytest.mark.parametrize(
    ("model", "code"),
    [
        pytest.param({"id": "org/none"}, "repository_not_found", id="repository"),
        pytest.param({"revision": "nope"}, "revision_not_found", id="revision"),
    ],
)
def test_a_model_that_is_not_on_the_hub(bench: Any, model: dict[str, str], code: str) -> None:
    with pytest.raises(NotFound) as error:
        bench.plan(bench.spec("missing", model=model))
    assert error.value.code == code


def test_a_model_that_only_azure_has_a_container_for(bench: Any) -> None:
    uri = "azureml://registries/HuggingFace/models/org-model/labels/latest"
    spec = bench.spec("registered")
    spec = spec.but(catalog=None, model=spec.model.but(id=uri))
    with pytest.raises(SpecError) as error:
        bench.plan(spec)
    assert (error.value.code, "`local.model`" in error.value.hint) == ("azure_only", True)


def test_too_few_cores_are_reported_before_anything_is_created(bench: Any) -> None:
    spec = bench.spec(
        "cores",
        deployment={"instance_type": "Standard_NC40ads_H100_v5", "instance_count": 2, "responses_per_instance": True},
    )
    with pytest.raises(Refused, match=r"limit of 40 cores, 0 are used, 80 more") as error:
        bench.up(spec)
    assert error.value.code == "OutOfQuota"
    assert not plan_down(spec, bench.target(spec)).has_changes


def test_a_secret_that_the_endpoint_may_not_read_says_what_to_do(bench: Any) -> None:
    spec = bench.spec("blind", endpoint={"enforce_access_to_default_secret_stores": "disabled"})
    with pytest.raises(OperationFailed) as error:
        bench.up(spec)
    assert error.value.code == "SecretsInjectionError"
    assert "enforce_access_to_default_secret_stores: enabled" in error.value.hint


def test_a_crash_shows_the_last_lines_and_the_next_up_repairs_it(bench: Any) -> None:
    broken = bench.spec("crash", deployment={"environment_variables": {"CONTAINER": "crash"}})
    with pytest.raises(OperationFailed) as error:
        bench.up(broken)
    assert error.value.code == "ResourceNotReady"
    assert "the variable says so" in "\n".join(error.value.log)


def test_a_cuda_error_in_the_containers_log_is_explained(bench: Any) -> None:
    crash = "crash Error 803: system has unsupported display driver / cuda driver combination"
    with pytest.raises(OperationFailed) as error:
        bench.up(bench.spec("cuda", deployment={"environment_variables": {"CONTAINER": crash}}))
    assert "newer than the CUDA compatibility libraries" in error.value.cause
    assert "LD_LIBRARY_PATH" in error.value.hint
    assert bench.up(bench.spec("crash")).answer == "org/gated with a token"


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        pytest.param("connection", "SIGKILL", id="killed-at-the-start"),
        pytest.param("endpoint", "SIGKILL", id="killed-at-the-endpoint"),
        pytest.param("deployment: imports", "SIGKILL", id="killed-while-the-container-starts"),
        pytest.param("deployment: image", "SIGINT", id="ctrl-c-at-the-deployment"),
        pytest.param("traffic", "SIGKILL", id="killed-before-the-traffic"),
    ],
)
def test_after_an_interruption_the_next_up_converges(bench: Any, emulator_state: Path, moment: str, how: str) -> None:
    spec = bench.spec(
        f"cut-{moment.replace(': ', '-').replace(' ', '-')}"[:20],
        deployment={"environment_variables": {"CONTAINER": "sleep"}},
    )
    arguments = [
        json.dumps(to_values(spec)), str(emulator_state), str(bench.sources.scoring), moment, how,
        str(bench.sources.environment),
    ]  # fmt: skip
    interrupted = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        env={**os.environ, "TEST_TOKEN": "hf_goodtoken001"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    expected = -signal.Signals[how]
    assert interrupted.returncode in (expected, 1 if how == "SIGINT" else expected), interrupted.stderr
    bench.let_leases_end()
    assert bench.up(spec).connection.deployment == "blue"
    assert not bench.plan(spec).has_changes


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(
            {"method": "GET", "path": "^/subscriptions/", "status": 401, "times": 1},
            id="read-with-a-token-that-is-over",
        ),
        pytest.param({"method": "PUT", "path": ".*", "status": 401, "times": 1}, id="write-with-a-token-that-is-over"),
        pytest.param({"method": "PUT", "path": ".*", "status": 503, "times": 2}, id="service-away"),
        pytest.param(
            {"method": "GET", "path": ".*OperationsStatus.*|.*operation.*", "status": 500, "times": 2}, id="poll-fails"
        ),
    ],
)
def test_a_temporary_fault_is_no_error(bench: Any, rule: dict[str, Any], request: Any) -> None:
    spec = bench.spec(f"flaky-{request.node.callspec.id}"[:20].rstrip("-"))
    with struck(bench, spec, rule):
        assert bench.up(spec).answer == "org/gated with a token"
    assert not bench.plan(spec).has_changes


@pytest.mark.parametrize("asked", ["environments/gatelift-vllm", "connections/"], ids=["of-the-sdk", "of-ours"])
def test_a_wait_that_is_too_long_is_an_error(bench: Any, asked: str, request: Any) -> None:
    spec = bench.spec(f"long-{request.node.callspec.id}")
    rule = {"method": "PUT", "path": asked, "status": 429, "headers": {"Retry-After": "999999"}}
    with struck(bench, spec, rule), pytest.raises(NotReady) as error:
        bench.up(spec)
    assert (error.value.code, bool(error.value.hint)) == ("TooManyRequests", True)


def test_a_deployment_that_has_not_answered_gets_no_requests_and_the_next_up_asks_it_again(bench: Any) -> None:
    spec = bench.spec("mute")
    with struck(bench, spec, {"target": "endpoint", "status": 500}), pytest.raises(Refused) as error:
        bench.up(spec)
    assert error.value.code == "smoke_test_failed"
    assert [change.kind for change in bench.plan(spec).changes if change.action != "none"] == ["traffic"]
    assert bench.up(spec).answer == "org/gated with a token"
    assert not bench.plan(spec).has_changes


@contextmanager
def struck(bench: Any, spec: Any, rule: dict[str, Any]) -> Iterator[None]:
    """The emulator with a fault rule."""
    url = httpx.get(bench.target(spec).portal, headers={"Accept": "application/json"}).json()["faults"]
    httpx.put(url, json=[rule]).raise_for_status()
    try:
        yield
    finally:
        httpx.put(url, json=[]).raise_for_status()
