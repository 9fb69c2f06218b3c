"""What a container is given: its environment, its model, and Azure's inference server where it has no server."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.world import World

pytestmark = pytest.mark.anyio


def describe(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/describe", trust_env=False).json()
    return answer


def listening_at(port: int) -> set[str]:
    """Addresses on which somebody listens at this port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = {fields[1] for fields in lines if fields[3] == "0A" and fields[1].endswith(f":{port:04X}")}
    return {".".join(str(int(each[place : place + 2], 16)) for place in (6, 4, 2, 0)) for each in local}


async def test_a_container_sees_what_azure_gives_it_and_nothing_of_the_host(
    world: World, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of the user")
    await world.host.start(workspace.put_deployment(environmentVariables={"NAME": "blue", "PORT": "1"}))
    (url,) = world.host.ready(workspace.blue)
    seen = describe(url)
    environment = seen["environment"]
    assert url == f"http://127.0.0.1:{environment['PORT']}"
    assert environment["NAME"] == "blue"
    assert environment["SCORING_HOST"] == "127.0.0.1"
    assert environment["HF_ENDPOINT"] == world.urls.hub
    assert environment["IDENTITY_ENDPOINT"] == world.urls.identity_endpoint
    assert environment["AZUREML_ENTRY_SCRIPT"] == "score.py"
    root = Path(seen["folder"])
    assert root.is_relative_to(world.paths.staging)
    assert environment["AML_APP_ROOT"] == str(root / "var" / "azureml-app" / "script")
    assert seen["arguments"] == [f"{environment['AML_APP_ROOT']}/score.py"]
    assert Path(environment["HF_HOME"]).parent == Path(environment["SCORING_CACHE_DIR"]) == root.parent / "shared"
    assert "AZUREML_MODEL_DIR" not in environment
    assert not {"HF_TOKEN", "AZURE_CLIENT_SECRET"} & set(environment)


async def test_the_codes_folder_is_named_after_the_end_of_its_uri(world: World, workspace: Any) -> None:
    world.blobs.put("assets", "v7/my code/src/score.py", world.blobs.content("assets", "script/score.py").read_bytes())
    code = f"{workspace.id}/codes/named/versions/1"
    workspace.put(code, {"codeUri": "https://127.0.0.1/assets/v7/my%20code"})
    settings = {"codeId": code, "scoringScript": "src/score.py"}
    await world.host.start(workspace.put_deployment(codeConfiguration=settings))
    environment = describe(world.host.ready(workspace.blue)[0])["environment"]
    assert environment["AML_APP_ROOT"].endswith("/var/azureml-app/my code/src")
    assert environment["AZUREML_ENTRY_SCRIPT"] == "score.py"


AZURE_SCRIPT = b"""
import os

def init():
    print("init ran", flush=True)

def run(data):
    return {"got": data, "name": os.environ["NAME"]}
"""


async def test_without_inference_config_azures_inference_server_runs_the_script(
    world: World, workspace: Any, client: httpx.AsyncClient
) -> None:
    environment, code = f"{workspace.id}/environments/curated/versions/1", f"{workspace.id}/codes/azure/versions/1"
    workspace.put(environment, {"image": "mcr.microsoft.com/azureml/curated:1"})
    workspace.put_code(code, AZURE_SCRIPT)
    probe = {"initialDelay": "PT10S", "period": "PT1S", "failureThreshold": 60}
    await world.host.start(
        workspace.put_deployment(
            environmentId=environment,
            codeConfiguration={"codeId": code, "scoringScript": "score.py"},
            livenessProbe=probe,
            readinessProbe=probe,
        )
    )
    answer = await client.post("/score", content=b'{"question": 1}')
    assert (answer.status_code, answer.json()) == (200, {"got": '{"question": 1}', "name": "blue"})
    assert (await client.get("/v1/models")).headers["ms-azureml-model-error-statuscode"] == "404"
    assert "init ran" in world.host.logs(workspace.blue, "InferenceServer", 200)
    port = int(world.host.ready(workspace.blue)[0].rpartition(":")[2])
    assert listening_at(port) == {"127.0.0.1"}
