"""The lower bound: the necessary requests to Resource Manager, each as early as possible: `raw.py plan|up JOB`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx

API = "2024-04-01"
POLL = 0.25


class Raw:
    """An HTTP client with an access token that can wait for operations."""

    def __init__(self, job: dict[str, Any], http: httpx.AsyncClient) -> None:
        self.job, self.http = job, http
        scope = f"/subscriptions/{job['subscription_id']}/resourceGroups/{job['resource_group']}"
        self.workspace = f"{scope}/providers/Microsoft.MachineLearningServices/workspaces/{job['workspace']}"
        self.endpoint = f"{self.workspace}/onlineEndpoints/{job['name']}"

    async def send(self, method: str, id: str, body: Any = None, *, api: str = API) -> httpx.Response:
        answer = await self.http.request(method, f"{id}?api-version={api}", json=body)
        answer.raise_for_status()
        return answer

    async def put(self, id: str, body: Any) -> httpx.Response:
        """Send a PUT and wait for the operation that it starts."""
        answer = await self.send("PUT", id, body)
        while url := answer.headers.get("Azure-AsyncOperation"):
            await asyncio.sleep(POLL)
            polled = (await self.http.get(url)).json()["status"]
            if polled == "Succeeded":
                break
            if polled != "InProgress":
                raise SystemExit(f"{id}: {polled}")
        return answer

    def asset(self, collection: str, version: str = "1") -> str:
        return f"{self.workspace}/{collection}/{self.job['name']}/versions/{version}"

    async def code(self) -> None:
        """Create the code, unless it exists: each upload has another place, so that a second PUT would be a change."""
        id = self.asset("codes")
        known, asked = await asyncio.gather(
            self.http.get(f"{id}?api-version={API}"), self.send("POST", f"{id}/startPendingUpload", {})
        )
        if known.status_code == 404:
            place = asked.json()["blobReferenceForConsumption"]
            signature = place["credential"]["sasUri"].partition("?")[2]
            await self.upload(self.job["code"], f"{place['blobUri']}/files", signature)
            await self.send("PUT", id, {"properties": {"codeUri": f"{place['blobUri']}/files"}})

    async def model(self) -> None:
        """Create the model, whose files go to the workspace's default datastore."""
        id, datastore = self.asset("models"), f"{self.workspace}/datastores/workspaceblobstore"
        wanted = {"expirableSecret": True, "expireAfterHours": 1}
        known, store, opened = await asyncio.gather(
            self.http.get(f"{id}?api-version={API}"),
            self.send("GET", datastore),
            self.send("POST", f"{datastore}/listSecrets", wanted, api="2024-10-01"),
        )
        if known.status_code == 404:
            of = store.json()["properties"]
            container = f"https://{of['accountName']}.blob.{of['endpoint']}/{of['containerName']}"
            await self.upload(self.job["card"], f"{container}/{self.job['name']}", opened.json()["sasToken"])
            uri = f"azureml:/{datastore}/paths/{self.job['name']}"
            await self.send("PUT", id, {"properties": {"modelType": "custom_model", "modelUri": uri}})

    async def upload(self, folder: str, url: str, signature: str) -> None:
        """Upload the folder's files below a URL."""
        files = [path for path in Path(folder).iterdir() if path.is_file()]  # noqa: ASYNC240 three small ones
        headers = {"x-ms-blob-type": "BlockBlob"}
        sent = (
            self.http.put(
                f"{url}/{path.name}?{signature.removeprefix('?')}", content=path.read_bytes(), headers=headers
            )
            for path in files
        )
        for answer in await asyncio.gather(*sent):
            answer.raise_for_status()

    async def environment(self) -> None:
        body = {"image": self.job["image"], "inferenceConfig": self.job["routes"]["camel"], "osType": "Linux"}
        await self.send("PUT", self.asset("environments"), {"properties": body})


async def plan(raw: Raw) -> None:
    """Send all reads at the same time."""
    assets = [raw.asset(collection) for collection in ("environments", "codes", "models")]
    link = f"{raw.workspace}/connections/{raw.job['name']}"
    ids = [raw.workspace, link, raw.endpoint, f"{raw.endpoint}/deployments", *assets]
    await asyncio.gather(*(raw.send("GET", id) for id in ids))


async def up(raw: Raw) -> None:
    """Create or update everything, in parallel where possible."""
    job = raw.job
    location = {"location": "eastus"}
    endpoint = {
        **location,
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "properties": {"enforce_access_to_default_secret_stores": "enabled"}},
    }
    link = raw.send("PUT", f"{raw.workspace}/connections/{job['name']}", {"properties": job["connection"]})
    await asyncio.gather(raw.put(raw.endpoint, endpoint), link, raw.code(), raw.environment(), raw.model())
    deployment = {
        "endpointComputeType": "Managed",
        "environmentId": raw.asset("environments"),
        "codeConfiguration": {"codeId": raw.asset("codes"), "scoringScript": "score.py"},
        "environmentVariables": job["variables"],
        "instanceType": job["instance_type"],
        "scaleSettings": {"scaleType": "Default"},
        "requestSettings": {"maxConcurrentRequestsPerInstance": job.get("concurrency", 64)},
    }
    body = {**location, "sku": {"name": "Default", "capacity": 1}, "properties": deployment}
    await raw.put(f"{raw.endpoint}/deployments/blue", body)
    endpoint["properties"]["traffic"] = {"blue": 100}
    written, keys = await asyncio.gather(
        raw.put(raw.endpoint, endpoint), raw.send("POST", raw.endpoint + "/listKeys", {})
    )
    headers = {"Authorization": f"Bearer {keys.json()['primaryKey']}"}
    uri = written.json()["properties"]["scoringUri"]
    async with httpx.AsyncClient(timeout=60) as client:
        (await client.post(uri, json=job["question"], headers=headers)).raise_for_status()


def login(job: dict[str, Any]) -> str:
    answer = httpx.get(
        job["identity_endpoint"],
        params={"api-version": "2019-08-01", "resource": "https://management.azure.com"},
        headers={"X-IDENTITY-HEADER": "gatelift"},
    )
    return str(answer.json()["access_token"])


async def main(verb: str, job: dict[str, Any], token: str) -> None:
    settings: dict[str, Any] = {"base_url": job["resource_manager"], "verify": job["ca_bundle"], "timeout": 60}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, **settings) as http:
        await {"plan": plan, "up": up}[verb](Raw(job, http))


if __name__ == "__main__":
    arguments = json.loads(sys.argv[2])
    asyncio.run(main(sys.argv[1], arguments, login(arguments)))
