"""Files on their way to Azure: where they go, who may send them, and two stacks that send the same ones at once."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from infra.azure.target import Target
from infra.errors import AccessDenied, Refused
from infra.operations.catalog import catalog_publish
from infra.planning.desired import Sources
from infra.resources.code_asset import CodeAsset
from infra.resources.identity_roles import AUTHORIZATION, AUTHORIZATION_API

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


@contextmanager
def emulator(target: Target, kind: str, value: Any) -> Iterator[None]:
    """The emulator with these `settings` or `faults`, as it was afterwards."""
    url = f"{target.portal}/{kind}"
    before = httpx.get(url).json()
    httpx.put(url, json=value).raise_for_status()
    try:
        yield
    finally:
        httpx.put(url, json=before if kind == "settings" else []).raise_for_status()


def code_uri(target: Target, code: CodeAsset) -> str:
    return str(
        target.arm.get(target.cloud.workspace.asset_id("codes", f"azureml:{code.name}"))["properties"]["codeUri"]
    )


def identity_only(bench: Any, name: str) -> Any:
    """A stack whose workspace gives no signatures for its storage."""
    spec = bench.spec(name)
    target = bench.target(spec)
    document = target.arm.get(target.cloud.workspace.id)
    properties = {**document["properties"], "systemDatastoresAuthMode": "identity"}
    body = {"location": document["location"], "properties": properties}
    target.arm.put(target.cloud.workspace.id, body, api_version="2024-10-01")
    return spec


def allow_blobs(target: Target) -> None:
    """Give the signed-in owner the role Storage Blob Data Contributor on the workspace's storage account."""
    group = target.cloud.workspace.id.partition("/providers/")[0]
    account = target.arm.get(target.cloud.workspace.id)["properties"]["storageAccount"]
    owner = target.arm.list(f"{group}{AUTHORIZATION}/roleAssignments", api_version=AUTHORIZATION_API)[0]
    definition = f"{AUTHORIZATION}/roleDefinitions/{BLOB_CONTRIBUTOR}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": owner["properties"]["principalId"]}}
    target.arm.put(f"{account}{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}", body, api_version=AUTHORIZATION_API)


def test_the_code_is_below_a_folder_with_the_name_of_ours(bench: Any) -> None:
    spec = bench.spec("folder")
    bench.up(spec)
    target, code = bench.target(spec), CodeAsset(bench.sources.scoring, "folder")
    container, _, folder = code_uri(target, code).rpartition("/")
    assert folder == bench.sources.scoring.name
    assert container.startswith(f"{target.arm.base_url}/blobstore/")


class Meanwhile:
    """A management client that lets something else happen once a pending upload has begun."""

    def __init__(self, management: Any, something: Any) -> None:
        self._management, self._something = management, something

    def post(self, id: str, body: Any = None) -> Any:
        answer = self._management.post(id, body)
        self._something()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._management, name)


def test_who_comes_second_uses_the_code_of_who_came_first(bench: Any) -> None:
    target = bench.target(bench.spec("second"))
    cloud, code = target.cloud, CodeAsset(bench.sources.scoring, "second")
    first: list[str] = []

    def other() -> None:
        CodeAsset(bench.sources.scoring, "first").create(cloud, code.desired)
        first.append(code_uri(target, code))

    code.create(msgspec.structs.replace(cloud, management=Meanwhile(cloud.management, other)), code.desired)
    assert [code_uri(target, code)] == first


def test_code_of_the_same_name_with_other_files_is_not_used(bench: Any) -> None:
    target = bench.target(bench.spec("impostor"))
    code = CodeAsset(bench.sources.scoring, "impostor")

    def other() -> None:
        id = target.cloud.workspace.asset_id("codes", f"azureml:{code.name}")
        properties = {"codeUri": "https://127.0.0.1/else", "properties": {"gatelift_content": "0" * 64}}
        target.arm.put(id, {"properties": properties})

    cloud = msgspec.structs.replace(target.cloud, management=Meanwhile(target.cloud.management, other))
    with pytest.raises(Refused, match="exists with other files"):
        code.create(cloud, code.desired)


def test_two_first_ups_at_once_end_well(bench: Any) -> None:
    specs = [bench.spec(name, workspace={"name": "ws-twins"}) for name in ("twin-a", "twin-b")]
    bench.target(specs[0])  # makes the workspace
    with ThreadPoolExecutor() as both:
        answers = [result.answer for result in both.map(bench.up, specs)]
    assert answers == ["org/gated with a token"] * 2
    assert not any(bench.plan(spec).has_changes for spec in specs)


def test_files_that_are_there_already_are_not_sent_again(bench: Any) -> None:
    spec = bench.spec("again")
    target = bench.target(spec)
    first = catalog_publish(spec, target)
    target.arm.delete(target.cloud.workspace.asset("models", first["name"], first["model_version"]))
    refused = {"method": "PUT", "path": "/LocalUpload/", "status": 403}
    with emulator(target, "faults", [refused]):
        assert catalog_publish(spec, target)["model_version"] == first["model_version"]


@pytest.mark.parametrize("how", ["workspace", "account", "delegation"])
def test_without_the_accounts_keys_the_login_gives_access(bench: Any, how: str) -> None:
    spec = bench.spec("nokeys") if how == "account" else identity_only(bench, f"login-{how}")
    target = bench.target(spec)
    signed = {"identity_uploads_signed": int(how == "delegation")}
    with emulator(target, "settings", {"storage_shared_keys": 0, **signed}):
        with pytest.raises(AccessDenied) as refused:
            bench.up(spec)
        assert refused.value.code == "AuthorizationPermissionMismatch"
        assert "Storage Blob Data Contributor" in refused.value.hint
        allow_blobs(target)
        assert bench.up(spec).answer == "org/gated with a token"


def test_a_link_out_of_the_code_is_refused_before_anything_is_made(bench: Any, tmp_path: Path) -> None:
    spec = bench.spec("linked")
    code = tmp_path / "code"
    code.mkdir()
    (code / "score.py").write_text("")
    (code / "passwords").symlink_to("/etc/passwd")
    bench.sources, before = Sources(code, bench.sources.environment), bench.sources
    with pytest.raises(Refused, match="passwords is a symbolic link to /etc/passwd"):
        bench.up(spec)
    bench.sources = before
    assert bench.target(spec).arm.list(bench.target(spec).cloud.workspace.id + "/codes") == []
