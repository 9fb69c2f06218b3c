"""The pipelines of `examples/`, step by step by bash, in the environment that a runner has, against an emulated Azure.

What no step does itself is played here: the checkout, artifacts (`gh` fetches them), `pipx`, and the CI service's OIDC.
The tests build on each other in order.
"""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.e2e.machine import EXAMPLES, GATELIFT
from tests.infra.ci_cloud import DEVOPS_ISSUER, CiCloud

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
WHERE = {
    "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
    "AZURE_RESOURCE_GROUP": "gatelift",
    "AZURE_ML_WORKSPACE": "local",
}
GITHUB_SUBJECT, DEVOPS_SUBJECT = "repo:octo/models:environment:azure", "sc://octo/models/azure"
# As small as SmolLM2 starts on a CPU; `local:` counts with --local alone.
QUICK = "{max_model_len: 2048, max_num_seqs: 8, enforce_eager: true}"
STALE = "changed since the plan was made"
GH = """#!/bin/sh
set -e
case "$1 $2" in
  "api repos/octo/models/actions/artifacts?name=$PLAN&per_page=1") if test -d "$ARTIFACTS/$PLAN"; then echo 4711; fi;;
  "run download") test "$3" = 4711; cp -r "$ARTIFACTS/$7/." .;;
  *) echo "gh: $*" >&2; exit 1;;
esac
"""


class Runner:
    """One machine after the other, each with its own folder, and the artifacts that they share."""

    def __init__(self, folder: Path, cloud: CiCloud, token: str) -> None:
        self.folder, self.cloud, self.token = folder, cloud, token
        self.artifacts = folder / "artifacts"
        self.spec = re.sub(
            r"engine:\n(    .*\n)+", f"engine: {QUICK}\n", (EXAMPLES / "smollm2-gated.yaml").read_text(), count=1
        )
        self.tools = folder / "bin"
        self.tools.mkdir()
        for name, text in (
            ("gh", GH),
            ("pipx", "#!/bin/sh\nexit 0\n"),
            ("gatelift", f'#!/bin/sh\nexec {GATELIFT} "$@"\n'),
        ):
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o700)
        self._jobs = 0

    def start(self) -> tuple[Path, dict[str, str]]:
        """A clean machine with the repository checked out; returns its folder and its environment."""
        self._jobs += 1
        home = self.folder / f"job-{self._jobs}"
        (home / "work").mkdir(parents=True)
        (home / "work" / "gatelift.yaml").write_text(self.spec)
        path = {"PATH": f"{self.tools}:/usr/bin:/bin", "ARTIFACTS": str(self.artifacts), "LANG": "C.UTF-8"}
        return home / "work", self.cloud.variables() | path | {"HOME": str(home)}

    def bash(self, script: str, work: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a step as both services do: `bash -e`, and no terminal."""
        file = work.parent / "step.sh"
        file.write_text(script)
        return subprocess.run(
            ["/bin/bash", "-e", str(file)],
            cwd=work,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def keep(self, name: str, file: Path) -> None:
        (self.artifacts / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, self.artifacts / name)

    def github(self, job: str, file: str = "github-actions.yml") -> subprocess.CompletedProcess[str]:
        """Run a job of a GitHub example; returns its last step that ran."""
        pipeline = YAML(typ="safe").load((EXAMPLES / file).read_text())
        work, environ = self.start()
        environ |= {
            "GITHUB_REPOSITORY": "octo/models",
            "GITHUB_STEP_SUMMARY": str(work.parent / "summary"),
            "CI": "true",
        }
        wanted = pipeline["jobs"][job]
        rights = wanted.get("permissions", pipeline["permissions"])
        if rights.get("id-token") == "write":
            named = f"environment:{wanted['environment']}" if "environment" in wanted else "ref:refs/heads/main"
            environ |= self.cloud.runner("github", f"repo:octo/models:{named}")
        values = {f"vars.{name}": value for name, value in WHERE.items()} | {
            "vars.AZURE_CLIENT_ID": self.cloud.client_id,
            "vars.AZURE_TENANT_ID": self.cloud.profile.tenant_id,
            "secrets.HF_TOKEN": self.token,
            "github.token": "a-token",
            "hashFiles('gatelift.yaml')": hashlib.sha256(self.spec.encode()).hexdigest(),
        }

        def filled(text: str) -> str:
            return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: values[found[1]], text)

        environ |= {name: filled(value) for name, value in wanted.get("env", {}).items()}
        done = subprocess.CompletedProcess([], 0, "", "")
        for step in wanted["steps"]:
            if step.get("uses", "").startswith("actions/upload-artifact"):
                self.keep(filled(step["with"]["name"]), work / step["with"]["path"])
            if "run" in step:
                own = {name: filled(value) for name, value in step.get("env", {}).items()}
                done = self.bash(filled(step["run"]), work, environ | own)
            if done.returncode:
                return done
        return done

    def devops(self, stage: str, file: str = "azure-pipelines.yml") -> subprocess.CompletedProcess[str]:
        """Run a stage of an Azure Pipelines example; returns its last step that ran."""
        pipeline = YAML(typ="safe").load((EXAMPLES / file).read_text())
        (job,) = next(one for one in pipeline["stages"] if one["stage"] == stage)["jobs"]
        steps = job["steps"] if "steps" in job else job["strategy"]["runOnce"]["deploy"]["steps"]
        work, environ = self.start()
        service = self.cloud.runner("azure-pipelines", DEVOPS_SUBJECT)
        macros = {"HF_TOKEN": self.token, "System.AccessToken": service["SYSTEM_ACCESSTOKEN"]}
        macros["Pipeline.Workspace"] = str(work.parent)
        login = {
            "AZURESUBSCRIPTION_CLIENT_ID": self.cloud.client_id,
            "AZURESUBSCRIPTION_TENANT_ID": self.cloud.profile.tenant_id,
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": service["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"],
        }
        environ |= WHERE | {"SYSTEM_OIDCREQUESTURI": service["SYSTEM_OIDCREQUESTURI"]}

        def filled(text: str) -> str:
            return re.sub(r"\$\(([\w.]+)\)", lambda found: macros.get(found[1], found[0]), text)

        done = subprocess.CompletedProcess([], 0, "", "")
        for step in steps:
            if "publish" in step:
                self.keep(step["artifact"], work / step["publish"])
            if "download" in step:
                shutil.copytree(self.artifacts / step["artifact"], work.parent / step["artifact"])
            own = {name: filled(value) for name, value in step.get("env", {}).items()}
            if step.get("task") == "AzureCLI@2":
                done = self.bash(filled(step["inputs"]["inlineScript"]), work, environ | login | own)
            elif "script" in step:
                done = self.bash(filled(step["script"]), work, environ | own)
            if done.returncode:
                return done
        return done


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("ci")
    cloud = CiCloud(folder, seed=None, group=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/gatelift")
    cloud.trust(GITHUB_SUBJECT)
    cloud.trust(DEVOPS_SUBJECT, DEVOPS_ISSUER)
    yield Runner(folder, cloud, str(cloud.ask("token")["token"]))
    cloud.close()


def test_no_plan_takes_the_place_of_a_deployment_that_waits() -> None:
    """GitHub keeps one waiting job for each concurrency group, and cancels it for the next."""
    pipeline = YAML(typ="safe").load((EXAMPLES / "github-actions.yml").read_text())
    assert [name for name, job in pipeline["jobs"].items() if "concurrency" in job] == ["deploy"]
    assert "concurrency" not in pipeline


def test_github_deploys_nothing_that_no_pull_request_has_planned(runner: Runner) -> None:
    done = runner.github("deploy")
    assert done.returncode == 1
    assert "no pull request has planned" in done.stdout


def test_github_plans_a_pull_request(runner: Runner) -> None:
    done = runner.github("plan")
    assert done.returncode == 0, done.stderr
    assert "create" in done.stdout
    (plan,) = runner.artifacts.glob("plan-*/plan.json")
    assert {change["action"] for change in json.loads(plan.read_text())["changes"]} == {"create"}
    assert runner.token not in plan.read_text()


def test_github_applies_that_plan_on_the_merge(runner: Runner) -> None:
    done = runner.github("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready" in done.stdout


def test_github_refuses_a_plan_that_is_stale(runner: Runner) -> None:
    done = runner.github("deploy")
    assert done.returncode == 1
    assert STALE in done.stderr


def test_azure_pipelines_plans_and_applies_a_change(runner: Runner) -> None:
    runner.spec = runner.spec.replace("auth_mode: key", "auth_mode: key\n  tags: {team: search}")
    planned = runner.devops("plan")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    changes = json.loads((runner.artifacts / "plan" / "plan.json").read_text())["changes"]
    assert [change["kind"] for change in changes if change["action"] != "none"] == ["endpoint"]
    done = runner.devops("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    stale = runner.devops("deploy")
    assert (stale.returncode, STALE in stale.stderr) == (1, True), stale.stderr


def test_each_scheduled_job_has_its_time() -> None:
    github = YAML(typ="safe").load((EXAMPLES / "github-actions-park.yml").read_text())
    times = {each["cron"] for each in github["on"]["schedule"]}
    assert {re.findall(r"'(.+)'", job["if"])[0] for job in github["jobs"].values()} == times
    devops = YAML(typ="safe").load((EXAMPLES / "azure-pipelines-park.yml").read_text())
    names = {each["displayName"]: each["cron"] for each in devops["schedules"]}
    assert {re.findall(r"'(\w+)'\)", stage["condition"])[0] for stage in devops["stages"]} == set(names)
    assert set(names.values()) == times


def test_github_parks_in_the_evening_and_wakes_in_the_morning(runner: Runner) -> None:
    used = runner.github("idle", "github-actions-park.yml")
    assert (used.returncode, "not parked: it has been running" in used.stdout) == (0, True), used.stdout + used.stderr
    parked = runner.github("park", "github-actions-park.yml")
    assert (parked.returncode, "parked smollm2" in parked.stdout) == (0, True), parked.stdout + parked.stderr
    again = runner.github("idle", "github-actions-park.yml")
    assert (again.returncode, "parked smollm2" in again.stdout) == (0, True), again.stdout + again.stderr
    awake = runner.github("wake", "github-actions-park.yml")
    assert (awake.returncode, "awake" in awake.stdout) == (0, True), awake.stdout + awake.stderr


def test_azure_pipelines_does_so_too(runner: Runner) -> None:
    for stage, said in (("idle", "not parked"), ("park", "parked smollm2"), ("wake", "awake"), ("wake", "not parked")):
        done = runner.devops(stage, "azure-pipelines-park.yml")
        assert (done.returncode, said in done.stdout) == (0, True), done.stdout + done.stderr
