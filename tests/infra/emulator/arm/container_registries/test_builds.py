"""Builds in a container registry as `az acr build` asks for them, and what can be deployed of them."""

import io
import tarfile
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

TASKS = "2019-04-01"
DOCKERFILE = "FROM docker.io/library/python:3.12\n# a comment\nENV A=1 \\\n    B=2\nEXPOSE 5001\n"
Build = Callable[..., dict[str, Any]]


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def request(source: str, **changes: Any) -> dict[str, Any]:
    body = {
        "type": "DockerBuildRequest",
        "imageNames": ["box:1"],
        "sourceLocation": source,
        "dockerFilePath": "Dockerfile",
        "platform": {"os": "Linux", "architecture": "amd64"},
    }
    return {**body, **changes}


@pytest.fixture
def registry(arm: Any) -> str:
    return str(arm("GET", arm.lab).json()["properties"]["containerRegistry"])


@pytest.fixture
def build(arm: Any, registry: str) -> Build:
    """Uploads files, builds them and returns the run at its end."""

    def build(files: dict[str, str], **changes: Any) -> dict[str, Any]:
        place = arm("POST", f"{registry}/listBuildSourceUploadUrl", version=TASKS).json()
        headers = {"x-ms-blob-type": "BlockBlob"}
        arm.client.put(place["uploadUrl"], content=archive(files), headers=headers).raise_for_status()
        run = arm.done(
            "POST", f"{registry}/scheduleRun", request(place["relativePath"], **changes), version=TASKS
        ).json()
        assert run["properties"]["status"] == "Queued"
        deadline = time.monotonic() + 30
        while run["properties"]["status"] in ("Queued", "Running") and time.monotonic() < deadline:
            run = arm("GET", run["id"], version=TASKS).json()
        return dict(run)

    return build


def log_of(arm: Any, run: dict[str, Any]) -> httpx.Response:
    link = arm("POST", f"{run['id']}/listLogSasUrl", version=TASKS).json()["logLink"]
    answer: httpx.Response = arm.client.get(link)
    return answer


def test_a_build_has_a_log_and_names_its_image_by_digest(arm: Any, registry: str, build: Build) -> None:
    run = build({"Dockerfile": DOCKERFILE})
    log = log_of(arm, run)
    assert (run["properties"]["status"], log.headers["x-ms-meta-complete"]) == ("Succeeded", "successful")
    assert "Step 2/3 : ENV A=1  B=2\r\n" in log.text
    assert "nothing is built here" in log.text
    [image] = run["properties"]["outputImages"]
    assert (image["repository"], image["tag"], image["digest"][:7]) == ("box", "1", "sha256:")
    assert image["registry"] == arm("GET", registry, version="2023-07-01").json()["properties"]["loginServer"]
    runs = arm("GET", f"{registry}/runs", version=TASKS, **{"$filter": "status eq 'Succeeded'", "$top": "1"}).json()
    assert [one["name"] for one in runs["value"]] == [run["name"]]


@pytest.mark.parametrize(
    ("files", "changes", "message"),
    [
        pytest.param({"Other": DOCKERFILE}, {}, "Dockerfile path: Dockerfile", id="no-dockerfile"),
        pytest.param({"Dockerfile": "ENV A=1\n"}, {}, "has no FROM", id="no-base"),
        pytest.param({"Dockerfile": "FROM none.azurecr.io/x:1\n"}, {}, "manifest unknown", id="base-that-is-not-there"),
        pytest.param({}, {"sourceLocation": "source/none.tar.gz"}, "there is nothing at", id="no-source"),
    ],
)
def test_a_build_that_fails_says_why(
    arm: Any, build: Build, files: dict[str, str], changes: dict[str, Any], message: str
) -> None:
    run = build(files, **changes)
    assert (run["properties"]["status"], run["properties"]["outputImages"]) == ("Failed", [])
    assert message in run["properties"]["runErrorMessage"]
    assert message in log_of(arm, run).text


@pytest.mark.parametrize(("code", "status"), [("Timeout", "Timeout"), ("Canceled", "Canceled"), ("AnyOther", "Failed")])
def test_a_fault_ends_a_build(arm: Any, emulator: Any, build: Build, code: str, status: str) -> None:
    fault = {"method": "POST", "path": "scheduleRun", "operation": {"code": code, "message": "toomanyrequests: no"}}
    httpx.put(f"{emulator.portal}/faults", json=[fault], trust_env=False).raise_for_status()
    try:
        run = build({"Dockerfile": DOCKERFILE})
    finally:
        httpx.put(f"{emulator.portal}/faults", json=[], trust_env=False).raise_for_status()
    assert (run["properties"]["status"], log_of(arm, run).text.splitlines()[-1]) == (status, "toomanyrequests: no")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"type": "Build"}, "type 'Build'", id="type"),
        pytest.param({"platform": {}}, "needs an os", id="platform"),
        pytest.param({"dockerFilePath": ""}, "dockerFilePath", id="dockerfile"),
        pytest.param({"timeout": 28801}, "from 300 to 28800", id="timeout"),
        pytest.param({"imageNames": "box:1"}, "list of names", id="names"),
    ],
)
def test_a_wrong_request_is_refused(arm: Any, registry: str, changes: dict[str, Any], message: str) -> None:
    answer = arm("POST", f"{registry}/scheduleRun", request("source", **changes), version=TASKS)
    assert (answer.status_code, message in answer.json()["error"]["message"]) == (400, True)


def test_a_build_needs_the_right_to_it(arm: Any, registry: str, arm_as: Any, emulator: Any) -> None:
    id = f"{arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/builder"
    known = arm.done("PUT", id, {"location": "eastus"}, version="2023-01-31").json()["properties"]
    query = {"api-version": "2019-08-01", "resource": "https://management.azure.com", "client_id": known["clientId"]}
    token = httpx.get(
        emulator.identity_endpoint, params=query, headers={"X-IDENTITY-HEADER": "x"}, trust_env=False
    ).json()["access_token"]
    answer = arm_as(token)("POST", f"{registry}/scheduleRun", request("source"), version=TASKS)
    assert answer.status_code == 403
    assert "Microsoft.ContainerRegistry/registries/scheduleRun/action" in answer.json()["error"]["message"]


def test_registries_of_both_providers_are_kept_apart(arm: Any, registry: str) -> None:
    providers = f"{arm.group}/providers"
    listed = [
        [one["name"] for one in arm("GET", f"{providers}/{namespace}/registries", version=version).json()["value"]]
        for namespace, version in (
            ("Microsoft.MachineLearningServices", "2024-04-01"),
            ("Microsoft.ContainerRegistry", "2023-07-01"),
        )
    ]
    assert (listed[0], registry.rpartition("/")[2] in listed[1]) == (["catalog"], True)


def test_a_registry_is_made_and_its_name_is_taken(arm: Any) -> None:
    id = f"{arm.group}/providers/Microsoft.ContainerRegistry/registries/Rows1"
    body = {"location": "East US", "sku": {"name": "Basic"}}
    assert arm("PUT", id, {"location": "eastus"}, version="2023-07-01").status_code == 400
    assert arm("PUT", f"{id}_", body, version="2023-07-01").json()["error"]["code"] == "InvalidResourceName"
    made = arm("PUT", id, body, version="2023-07-01")
    assert (made.status_code, made.json()["properties"]["loginServer"]) == (201, "rows1.azurecr.io")
    other = id.replace("resourceGroups/ml", "resourceGroups/other")
    arm("PUT", other.partition("/providers/")[0], {"location": "eastus"}, version="2021-04-01")
    assert arm("PUT", other, body, version="2023-07-01").json()["error"]["code"] == "AlreadyInUse"
    assert arm("DELETE", id, version="2023-07-01").status_code == 200


@pytest.mark.parametrize(
    ("image", "code"),
    [
        pytest.param("{server}/none:1", "BadArgument", id="never-built"),
        pytest.param("{server}/box@sha256:" + "0" * 64, "BadArgument", id="another-digest"),
        pytest.param("nowhere.azurecr.io/box:1", "ResourceNotFound", id="unknown-registry"),
        pytest.param("Not An Image", "BadArgument", id="no-reference"),
        pytest.param("{server}/{built}", "", id="built"),
        pytest.param("ghcr.io/org/box@sha256:" + "0" * 64, "", id="public"),
    ],
)
def test_only_images_that_were_built_or_are_public_can_be_deployed(
    arm: Any, build: Build, bodies: Any, image: str, code: str
) -> None:
    [built] = build({"Dockerfile": DOCKERFILE})["properties"]["outputImages"]
    name = image.format(server=built["registry"], built=f"{built['repository']}@{built['digest']}")
    assets = arm.assets()
    endpoint = arm.endpoint("pulls")
    environment = f"{arm.lab}/environments/pulls/versions/{abs(hash(name))}"
    settings = arm("GET", assets["environment"]).json()["properties"]["inferenceConfig"]
    arm.done("PUT", environment, {"properties": {"image": name, "inferenceConfig": settings}})
    body = bodies["deployment"]({**assets, "environment": environment})
    ended = arm.finish(arm("PUT", f"{endpoint}/deployments/blue", body))
    arm.done("DELETE", endpoint)
    assert (ended.get("error") or {}).get("code", "") == code
