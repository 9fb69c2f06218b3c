"""Logins that outlive a deployment, with the real azure-identity against the emulated Entra."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.azure.assertions import from_github
from infra.azure.login import CachingCredential, describe_login
from infra.azure.target import Target, open_target
from infra.errors import AccessDenied
from infra.operations.up import up
from infra.planning.desired import Sources
from infra.planning.prepare import prepare
from infra.reporter import Silent
from infra.spec.model import StackSpec, spec_from
from tests.infra.ci_cloud import DEVOPS_ISSUER, SECRETIVE, SUBSCRIPTION, TOKEN, CiCloud

SUBJECT = "repo:octo/models:environment:azure"
OTHERS = ("AZURE_", "IDENTITY_", "ACTIONS_", "SYSTEM_", "ARM_", "AZUREML_", "MSI_")


@pytest.fixture(scope="module")
def ci_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CiCloud]:
    cloud = CiCloud(tmp_path_factory.mktemp("ci"))
    cloud.trust(SUBJECT)
    yield cloud
    cloud.close()


@pytest.fixture
def machine(ci_cloud: CiCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes this process a machine with these variables; the clock goes back afterwards."""

    def become(variables: dict[str, str]) -> dict[str, str]:
        for name in [name for name in os.environ if name.startswith(OTHERS)]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return dict(os.environ)

    yield become
    ci_cloud.portal("faults", [])
    ci_cloud.portal("settings", {"clock_ahead_seconds": 0})


def stack(name: str) -> StackSpec:
    return spec_from(
        {
            "name": name,
            "model": {"id": "org/gated"},
            "workspace": {"subscription_id": SUBSCRIPTION, "resource_group": "ml", "name": "lab"},
            "endpoint": {"name": f"{name}-endpoint"},
            "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
        }
    )


class Run:
    """An `up` in a thread, whose deployment goes on until it is told to end."""

    def __init__(self, cloud: CiCloud, spec: StackSpec, target: Target, sources: Sources) -> None:
        self.cloud = cloud
        self.answer, self.error = "", None
        endless = {"method": "PUT", "path": "/deployments/", "operation": "never"}
        self.counting = {"method": "GET", "path": "^/runners/github", "delay": 0.001}
        self.polling = {"method": "GET", "path": "mfeOperationsStatus", "delay": 0.001}
        cloud.portal("faults", [endless, self.counting, self.polling])
        self._thread = threading.Thread(target=self._up, args=(spec, target, sources))
        self._thread.start()

    def _up(self, spec: StackSpec, target: Target, sources: Sources) -> None:
        try:
            prepared = prepare(spec, target, token=TOKEN, sources=sources, with_credential=True)
            self.answer = str(up(prepared, target, reporter=Silent()).answer)
        except AccessDenied as error:
            self.error = error

    def struck(self, rule: dict[str, Any]) -> int:
        return next(int(one["struck"]) for one in self.cloud.ask("faults") if one["path"] == rule["path"])

    def wait_for_poll(self) -> None:
        """Wait until the run has asked for the deployment once more, or has ended."""
        began = self.struck(self.polling)
        while self.struck(self.polling) < began + 1 and self._thread.is_alive():
            time.sleep(0.05)

    def end(self) -> int:
        """Let the deployment end and wait for the run; returns how often GitHub was asked."""
        asked = self.struck(self.counting)
        self.cloud.portal("faults", [])
        self._thread.join(120)
        assert not self._thread.is_alive()
        return asked


def test_an_up_of_ninety_minutes_on_a_github_runner_ends_well(
    ci_cloud: CiCloud, machine: Any, sources: Sources
) -> None:
    spec = stack("long")
    environ = machine(ci_cloud.github(SUBJECT))
    run = Run(ci_cloud, spec, open_target(spec, local=False, environ=environ), sources)
    for minutes in (20, 40, 61, 90):
        run.wait_for_poll()
        ci_cloud.portal("settings", {"clock_ahead_seconds": minutes * 60})
    run.wait_for_poll()
    asked = run.end()
    assert run.error is None
    assert run.answer == "org/gated with a token"
    assert asked >= 2  # a new assertion for the second hour's token


def test_an_up_of_ninety_minutes_through_az_says_why_it_ends(ci_cloud: CiCloud, machine: Any, sources: Sources) -> None:
    spec = stack("short")
    folder = ci_cloud.az_login(SUBJECT)
    environ = machine(ci_cloud.variables() | {"PATH": f"{folder}:{os.environ['PATH']}"})
    run = Run(ci_cloud, spec, open_target(spec, local=False, environ=environ), sources)
    for minutes in (20, 40, 61, 90):
        run.wait_for_poll()
        ci_cloud.portal("settings", {"clock_ahead_seconds": minutes * 60})
    run.wait_for_poll()
    run.end()
    assert isinstance(run.error, AccessDenied)
    assert run.error.code == "AADSTS700024"
    assert "AADSTS700024: Client assertion is not within its valid time range" in str(run.error)
    assert "`az login` or a copied one cannot be renewed" in run.error.cause
    assert "id-token: write" in run.error.hint
    assert "eyJ" not in str(run.error) + run.error.hint


def test_a_workload_identity_file_is_read_again_each_time(ci_cloud: CiCloud, machine: Any, tmp_path: Path) -> None:
    variables = ci_cloud.github(SUBJECT)
    url, token = variables.pop("ACTIONS_ID_TOKEN_REQUEST_URL"), variables.pop("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    file = tmp_path / "token"
    environ = machine(variables | {"AZURE_FEDERATED_TOKEN_FILE": str(file)})
    target = open_target(stack("pod"), local=False, environ=environ)
    asking = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token}
    file.write_text(from_github(asking, "api://AzureADTokenExchange") + "\n")
    assert "by workload identity, as application " in describe_login(target.arm.credential, target.arm.scope)
    ci_cloud.portal("settings", {"clock_ahead_seconds": 3700})
    target.arm.credential.forget()  # type: ignore[attr-defined]
    with pytest.raises(AccessDenied, match="AADSTS700024"):
        target.require_login()
    file.write_text(from_github(asking, "api://AzureADTokenExchange"))
    target.require_login()
    file.unlink()
    target.arm.credential.forget()  # type: ignore[attr-defined]
    with pytest.raises(AccessDenied, match="cannot read the assertion in"):
        target.require_login()


def test_an_azure_pipelines_job(ci_cloud: CiCloud, machine: Any) -> None:
    ci_cloud.trust("sc://org/project/azure", DEVOPS_ISSUER)
    job = ci_cloud.runner("azure-pipelines", "sc://org/project/azure")
    names = {
        "AZURESUBSCRIPTION_CLIENT_ID": ci_cloud.client_id,
        "AZURESUBSCRIPTION_TENANT_ID": ci_cloud.profile.tenant_id,
    }
    environ = machine(ci_cloud.variables() | job | names)
    target = open_target(stack("devops"), local=False, environ=environ)
    assert describe_login(target.arm.credential, target.arm.scope) == (
        f"by Azure Pipelines, as application {ci_cloud.client_id} of the tenant {ci_cloud.profile.tenant_id}"
    )


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        pytest.param({"subject": "repo:octo/models:pull_request"}, "AADSTS700213", "pull_request'", id="subject"),
        pytest.param({"AZURE_TENANT_ID": SUBSCRIPTION}, "AADSTS90002", "not found", id="tenant"),
        pytest.param({"AZURE_CLIENT_ID": SUBSCRIPTION}, "AADSTS700016", "was not found in the directory", id="client"),
        pytest.param({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, "no_assertion", "it answered 401", id="job-has-ended"),
        pytest.param(
            {"AZURE_CLIENT_ID": SECRETIVE, "AZURE_CLIENT_SECRET": "wrong"},
            "AADSTS7000215",
            "Invalid client",
            id="secret",
        ),
        pytest.param(
            {"AZURE_CLIENT_SECRET": "w", "AZURE_TENANT_ID": SUBSCRIPTION}, "AADSTS90002", "", id="secret-and-tenant"
        ),
    ],
)
def test_what_entra_refuses_reaches_the_person(
    ci_cloud: CiCloud, machine: Any, change: dict[str, str], code: str, words: str
) -> None:
    change = dict(change)
    variables = ci_cloud.github(change.pop("subject", SUBJECT))
    environ = machine(variables | change)
    target = open_target(stack("refused"), local=False, environ=environ)
    with pytest.raises(AccessDenied, match=words) as error:
        target.require_login()
    assert error.value.code == code
    assert error.value.hint


def test_without_any_login(ci_cloud: CiCloud, machine: Any, tmp_path: Path) -> None:
    environ = machine(ci_cloud.variables() | {"PATH": str(tmp_path)})
    with pytest.raises(AccessDenied, match="not logged in to Azure") as error:
        open_target(stack("nobody"), local=False, environ=environ).require_login()
    assert error.value.code == "no_login"


def test_the_emulators_own_login_has_no_name_of_a_cloud() -> None:
    assert CachingCredential(None).source == ""
