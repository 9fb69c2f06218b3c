"""Azure's error bodies: which code is chosen, and how it is explained."""

from typing import Any

import pytest

from infra.azure.arm import refusal
from infra.azure.diagnosis.errors import container_cause, explain, known_codes, read_error
from infra.azure.diagnosis.table import KNOWN
from infra.errors import GateliftError

QUOTA = (
    'Received 400 from a service request {"errors":{"VmSize":["Not enough quota available for Standard_DS3_v2 in '
    'SubscriptionId X. Current usage/limit: 0/6. Additional needed: 8"]},"type":"x"}'
)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        pytest.param({"error": {"code": "OutOfQuota", "message": "no"}}, "OutOfQuota", "no", id="plain"),
        pytest.param(
            {
                "error": {
                    "code": "BadRequest",
                    "message": "The request is invalid.",
                    "details": [{"code": "InferencingClientCreateDeploymentFailed", "message": QUOTA}],
                }
            },
            "OutOfQuota",
            "0/6",
            id="quota-inside-json-inside-details",
        ),
        pytest.param(
            {"error": {"code": "UserError", "message": "Failed to retrieve and inject workspace connection secrets."}},
            "SecretsInjectionError",
            "inject",
            id="known-by-its-words",
        ),
        pytest.param(
            {"error": {"code": "NeverSeen", "message": "odd"}}, "NeverSeen", "odd", id="unknown-is-shown-whole"
        ),
        pytest.param('{"error": {"code": "Conflict", "message": "busy"}}', "Conflict", "busy", id="text"),
        pytest.param("<html>bad gateway</html>", "", "bad gateway", id="no-json"),
        pytest.param(None, "", "gave no reason", id="empty"),
    ],
)
def test_an_error_body_becomes_code_and_message(body: Any, code: str, said: str) -> None:
    found = read_error(body)
    assert found.code == code
    assert said in found.message


def test_every_known_code_has_a_way_out() -> None:
    every = [(code, one) for code, causes in KNOWN.items() for one in causes]
    assert [code for code, one in every if not one.hint or not one.cause] == []
    assert [code for code, causes in KNOWN.items() if causes[-1].words] == []


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        pytest.param("OutOfQuota", "Container terminated due to insufficient memory.", "memory", id="memory"),
        pytest.param("OutOfQuota", "not enough disk space", "disk", id="disk"),
        pytest.param("OutOfQuota", "Not enough quota available for Standard_X", "too few cores", id="cores"),
        pytest.param(
            "UserError", "An endpoint with this name already exists.", "already exists in the region", id="name-taken"
        ),
        pytest.param("BadArgument", "identity does not have pull permission", "may not pull", id="no-acrpull"),
        pytest.param("SecretsInjectionError", "there is no key vault 'x'", "Key Vault", id="key-vault"),
        pytest.param(
            "ResourceNotFound", "Timeout while waiting for Environment Image x", "in the time", id="image-not-in-time"
        ),
        pytest.param(
            "BadRequest", "Timeout while waiting for Environment Image x", "in the time", id="image-in-general"
        ),
        pytest.param("ImageBuildFailure", "toomanyrequests: You have reached", "Docker Hub", id="docker-hub"),
        pytest.param("ImageBuildFailure", "set image_build_compute", "is private", id="private-registry"),
        pytest.param(
            "ImageBuildFailure", "client with IP '1.2.3.4' is not allowed access", "is private", id="acr-firewall"
        ),
        pytest.param("ImageBuildFailure", "error: externally-managed-environment", "refuses `pip", id="pep-668"),
        pytest.param("ImageBuildFailure", "exit status 1", "could not be built", id="any-other-build"),
        pytest.param("TasksOperationsNotAllowed", "ACR Tasks requests", "may not build", id="no-acr-tasks"),
        pytest.param(
            "AuthorizationFailed",
            "The client 'x' does not have authorization to perform action "
            "'Microsoft.ContainerRegistry/registries/scheduleRun/action' over scope '/subscriptions/x'",
            "may not build images",
            id="no-right-to-build",
        ),
        pytest.param("AuthorizationFailed", "to perform action 'X/y/read'", "lacks a permission", id="any-right"),
        pytest.param("BadArgument", "Unable to download user container image", "a retention policy", id="image-gone"),
        pytest.param("UserError", "unsatisfied condition: cuda>=13.0", "container runtime", id="require-cuda"),
        pytest.param("AuthorizationFailure", "not authorized to perform", "its firewall", id="storage-firewall"),
        pytest.param("model_error", "", "as 424", id="status-of-the-container"),
        pytest.param("model_not_ready", "", "no instance", id="no-instance"),
        pytest.param("too_many_pending_request", "", "more requests are under way", id="pending"),
        pytest.param("no_route", "No valid deployments to route to.", "gets traffic", id="no-route"),
        pytest.param("NeverSeen", "odd", "", id="unknown"),
    ],
)
def test_the_words_of_a_message_tell_the_cause(code: str, message: str, cause: str) -> None:
    found = read_error({"error": {"code": code, "message": message}})
    assert cause in found.cause
    assert bool(found.cause) == bool(cause)
    assert found.hint


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("body", ["", "<html>busy</html>", '{"error": {"code": "BadRequest", "message": "no"}}'])
def test_whatever_azure_answers_there_is_a_way_out(status: int, body: str) -> None:
    assert refusal(status, body).hint


def test_what_azure_quotes_moves_no_terminal() -> None:
    assert str(refusal(400, '{"error": {"code": "X", "message": "red \\u001b[31mink\\u0007"}}')) == "red [31mink"
    assert GateliftError("", log=("a\x1b[2Jb",)).log == ("a[2Jb",)


def test_a_bad_request_names_its_way_out() -> None:
    assert "correct what the message names" in read_error({"error": {"code": "BadRequest", "message": "no"}}).hint


def test_every_code_is_explained_in_any_case() -> None:
    assert [code for code in known_codes() if explain(code.lower()) is None] == []
    assert explain("NeverSeen") is None


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        pytest.param(
            "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 803: system has unsupported display "
            "driver / cuda driver combination",
            "newer than the CUDA compat",
            id="803",
        ),
        pytest.param("Error 804: forward compatibility was attempted on non supported HW", "do not support", id="804"),
        pytest.param("The NVIDIA driver on your system is too old (found version 12020).", "too old", id="torch"),
        pytest.param("CUDA driver version is insufficient for CUDA runtime version", "too old", id="error-35"),
        pytest.param("requirement error: unsatisfied condition: cuda>=13.0", "NVIDIA_REQUIRE", id="require-cuda"),
        pytest.param(
            "NCCL WARN Error while creating shared memory segment /dev/shm/nccl-vzIpS6 (size 9637888), error: No space "
            "left on device",
            "exchange data through /dev/shm",
            id="shared-memory",
        ),
        pytest.param("OSError: [Errno 28] No space left on device", "disk is full", id="disk"),
    ],
)
def test_a_containers_log_tells_the_cause(line: str, cause: str) -> None:
    found = container_cause(f"INFO: loading\n{line}\n[shutdown] the engine died")
    assert found is not None
    assert cause in found.cause


def test_a_log_without_a_known_error_tells_no_cause() -> None:
    assert container_cause("[startup] imports 3.00 s") is None
