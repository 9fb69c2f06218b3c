"""The one-hour list of docs/live-check.md: each test asks real Azure one question and prints what it found.

On the emulator the same requests run, so that the list itself is known to work; what a machine shows there is this
machine. A test fails where the request cannot be made at all, not where the answer surprises: the answer is the line.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import live_check, scene

MIB = 1024**2
UPLOAD = {"pendingUploadType": "TemporaryBlobReference"}
Tell = Callable[[str], None]
Ask = Callable[..., httpx.Response]


@pytest.fixture
def machine(ask: Ask) -> Any:
    """What the container sees of the machine it runs on."""
    return ask("/about", "GET").raise_for_status().json()


@pytest.mark.probe("4")
def test_time_until_a_new_deployment_is_there(deployed: scene.Deployed, tell: Tell) -> None:
    """How long does a deployment take whose image has to be built first?"""
    tell(f"{deployed.seconds:.0f} s from the first request to Succeeded, the build of the image included")


@pytest.mark.probe("5")
def test_probes_and_time_out_at_their_limits(target: Any, endpoint: str, deployed: scene.Deployed, tell: Tell) -> None:
    """Are 720 failures of a probe accepted, and is a request time-out above 180 s refused?"""
    id = f"{target.id}/onlineEndpoints/{endpoint}/deployments/{deployed.name}"
    document = target.arm("GET", id).json()
    document["properties"]["requestSettings"]["requestTimeout"] = "PT3M1S"
    refused = target.arm("PUT", id, document)
    assert refused.status_code == 400, refused.text
    tell(f"{deployed.failures} failures accepted{f' ({deployed.refused})' if deployed.refused else ''}; 181 s refused")


@pytest.mark.probe("1")
def test_what_a_deployment_shows_of_a_secret(target: Any, endpoint: str, deployment: str, ask: Ask, tell: Tell) -> None:
    """Does a GET of a deployment show the reference to a secret, and never its value?"""
    answer = target.arm("GET", f"{target.id}/onlineEndpoints/{endpoint}/deployments/{deployment}")
    assert ask().json()["word"] == scene.SECRET
    assert scene.SECRET not in answer.text
    shown = answer.json()["properties"]["environmentVariables"]["WORD"]
    tell(f"the container has the value; GET shows {shown.partition('/')[0]}…")


@pytest.mark.probe("7")
def test_driver(machine: Any, tell: Tell) -> None:
    """Which NVIDIA driver has the host, and which compatibility libraries has the image?"""
    libraries = [file for files in machine["cuda"].values() for file in files if file.startswith("libcuda.so.")]
    driver = machine["driver"] or "no NVIDIA driver on this machine"
    tell(f"{driver}; compat: {', '.join(libraries) or 'none'}; LD_LIBRARY_PATH={machine['library_path'] or '(empty)'}")


@pytest.mark.probe("5b")
def test_disks(machine: Any, tell: Tell) -> None:
    """How large are the container's disks, and how much of them is free?"""
    disks = machine["disks"]
    assert "/" in disks
    tell("; ".join(f"{place} {disk['size']:.0f} GiB, {disk['free']:.0f} free" for place, disk in sorted(disks.items())))


@pytest.mark.probe("5c")
def test_shared_memory(machine: Any, tell: Tell) -> None:
    """How large is /dev/shm?"""
    tell(f"{machine['shared_memory']['size'] * 1024:.0f} MiB")


@pytest.mark.probe("3")
def test_where_the_code_lies(machine: Any, tell: Tell) -> None:
    """What is AML_APP_ROOT, which variables does the platform set, and as which user does the container run?"""
    assert machine["app_root"]
    platform = [name for name in machine["variables"] if name.startswith(("AML", "AZURE", "MSI", "IDENTITY", "SERVER"))]
    place = machine["app_root"].partition("azureml-app")
    tell(f"AML_APP_ROOT=…/{place[1]}{place[2]}; {', '.join(platform)}; user {machine['user']}")


@pytest.mark.probe("3")
def test_code_at_the_root_of_its_container(target: Any, unique: str, tell: Tell) -> None:
    """Does a code version take the container itself as its codeUri, instead of a folder in it?"""
    id = f"{target.id}/codes/root-{unique}/versions/1"
    place = target.arm("POST", f"{id}/startPendingUpload", UPLOAD).raise_for_status().json()
    uri = place["blobReferenceForConsumption"]["blobUri"]
    tell(f"PUT answers {_said(target.arm('PUT', id, {'properties': {'codeUri': uri}}))}")


@pytest.mark.probe("3b")
def test_two_uploads_of_one_version(target: Any, unique: str, tell: Tell) -> None:
    """Does a second startPendingUpload for the same version give another place?"""
    id = f"{target.id}/codes/twice-{unique}/versions/1"
    answers = [target.arm("POST", f"{id}/startPendingUpload", UPLOAD).raise_for_status().json() for _ in range(2)]
    places = {answer["blobReferenceForConsumption"]["blobUri"] for answer in answers}
    tell("another place each time" if len(places) == 2 else "the same place both times")


@pytest.mark.probe("4b")
def test_python_of_the_image(machine: Any, tell: Tell) -> None:
    """Is the image's Python externally managed, so that pip in the build fails?"""
    managed = "externally managed" if machine["externally_managed"] else "not externally managed"
    tell(f"Python {machine['python']} at {machine['executable'].rpartition('/')[2]}, {managed}")


@pytest.mark.probe("6")
def test_methods_through_the_front_end(ask: Ask, tell: Tell) -> None:
    """Which HTTP methods does the front end let through to the container?"""
    found = {
        method: ask("/v1/responses/any", method, content=b"") for method in ("GET", "DELETE", "PUT", "PATCH", "OPTIONS")
    }
    assert found["GET"].status_code == 200
    tell(", ".join(f"{method} {answer.status_code}" for method, answer in found.items()))


@pytest.mark.probe("6")
def test_a_stream_longer_than_the_time_out(target: Any, call: scene.Caller, deployment: str, tell: Tell) -> None:
    """Does the request time-out bound a whole stream, or only the time until it begins?"""
    wanted, began, events = target.longest * 1.2, time.monotonic(), []
    headers = {"azureml-model-deployment": deployment, "x-seconds": str(wanted)}
    try:
        with call.client(**headers) as client, client.stream("POST", call.url("/stream"), content=b"{}") as answer:
            events = [line for line in answer.iter_lines() if line.startswith("data:")]
    except httpx.TransportError as error:
        ended = f"cut off ({type(error).__name__})"
    else:
        ended = "whole" if events and events[-1].endswith("[DONE]") else "cut off without an error"
    passed = time.monotonic() - began
    tell(f"{wanted:.0f} s of stream under a time-out of {target.longest} s: {ended} after {passed:.0f} s")


@pytest.mark.probe("6")
def test_bodies_of_2_10_and_50_megabytes(ask: Ask, tell: Tell) -> None:
    """How large may the body of a request be, and how long does it take?"""
    lines = []
    for size in (2, 10, 50):
        began = time.monotonic()
        try:
            answer = ask("/size", content=b"x" * (size * MIB))
        except httpx.TransportError as error:
            lines.append(f"{size} MB {type(error).__name__}")
        else:
            arrived = "" if answer.status_code != 200 or answer.json()["bytes"] == size * MIB else " but not whole"
            lines.append(f"{size} MB {answer.status_code}{arrived} in {time.monotonic() - began:.0f} s")
    tell(", ".join(lines))


@pytest.mark.probe("11")
def test_deployment_right_after_the_endpoint_changed(
    target: Any, ml: Any, endpoint: str, deployment: str, tell: Tell
) -> None:
    """For how long after the endpoint reports success is a deployment refused, and with which words?"""
    id = f"{target.id}/onlineEndpoints/{endpoint}"
    body = target.arm("GET", f"{id}/deployments/{deployment}").json()
    body["tags"] = {**(body.get("tags") or {}), "locked": "no"}
    live = ml.online_endpoints.get(endpoint)
    poller = ml.online_endpoints.begin_create_or_update(live)
    meanwhile = target.arm("PUT", f"{id}/deployments/{deployment}", body)
    poller.result()
    began, first = time.monotonic(), target.arm("PUT", f"{id}/deployments/{deployment}", body)
    answer = first
    while answer.status_code >= 400 and time.monotonic() - began < 120:
        time.sleep(1)
        answer = target.arm("PUT", f"{id}/deployments/{deployment}", body)
    waited = time.monotonic() - began
    _wait(target, f"{id}/deployments/{deployment}")
    after = "accepted at once" if answer is first else f"refused ({_said(first)}) for {waited:.0f} s more"
    tell(f"while it is Updating: {_said(meanwhile)}; after its success: {after}")


@pytest.mark.probe("11")
def test_etags_of_an_endpoint(target: Any, endpoint: str, tell: Tell) -> None:
    """Has an endpoint an ETag, and is a PUT with another one in If-Match refused?"""
    id = f"{target.id}/onlineEndpoints/{endpoint}"
    live = target.arm("GET", id)
    tag = live.headers.get("etag") or live.json().get("etag")
    answer = target.arm("PUT", id, live.json(), headers={"If-Match": '"somebody-elses"'})
    _wait(target, id)
    tell(f"ETag {'yes' if tag else 'no'}; PUT with another one in If-Match: {_said(answer)}")


@pytest.mark.probe("12")
def test_deleting_a_version_of_an_environment(target: Any, unique: str, tell: Tell) -> None:
    """May a version of an environment be deleted, and may it be archived?"""
    id = f"{target.id}/environments/gone-{unique}/versions/1"
    image = {"image": "docker.io/library/python:3.11-slim"}
    assert target.arm("PUT", id, {"properties": image}).status_code in (200, 201)
    archived = target.arm("PUT", id, {"properties": {**image, "isArchived": True}})
    deleted = target.arm("DELETE", id)
    left = "gone" if target.arm("GET", id).status_code == 404 else "still there"
    tell(f"archive {_said(archived)}; DELETE {_said(deleted)}, then {left}")


@pytest.mark.probe("13")
def test_deleting_a_code_asset(target: Any, unique: str, tell: Tell) -> None:
    """May a whole code asset be deleted, and one without versions be made?"""
    id = f"{target.id}/codes/gone-{unique}"
    made = target.arm("PUT", id, {"properties": {"tags": {"made": "by a test"}}})
    deleted = target.arm("DELETE", id)
    left = "gone" if target.arm("GET", id).status_code == 404 else "still there"
    tell(f"PUT {_said(made)}; DELETE {_said(deleted)}, then {left}")


@pytest.mark.probe("15")
def test_lists_come_in_pages(target: Any, endpoint: str, unique: str, tell: Tell) -> None:
    """Which lists come in pages?"""
    for version in "123":
        id = f"{target.id}/environments/pages-{unique}/versions/{version}"
        image = {"image": f"docker.io/library/python:3.1{version}-slim"}
        assert target.arm("PUT", id, {"properties": image}).status_code in (200, 201)
    lines = []
    for kind in ("onlineEndpoints", "environments", f"environments/pages-{unique}/versions", "models", "codes"):
        answer = target.arm("GET", f"{target.id}/{kind}").raise_for_status().json()
        more = "and a nextLink" if answer.get("nextLink") else "no nextLink"
        lines.append(f"{kind.rpartition('/')[2]} {len(answer['value'])}, {more}")
    tell("; ".join(lines))


@pytest.mark.probe("14")
def test_an_endpoint_without_public_access(target: Any, ml: Any, unique: str, quiet: Any, tell: Tell) -> None:
    """What does a caller from outside get from an endpoint whose public access is disabled?"""
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    name = f"private-{unique}"
    with quiet():
        ml.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=name, auth_mode="key", public_network_access="disabled")
        ).result()
    try:
        key = ml.online_endpoints.get_keys(name).primary_key
        answer: Any = scene.Caller(ml.online_endpoints.get(name).scoring_uri, key)()
        found = f"{answer.status_code} {' '.join(answer.text.split())[:80]}"
    except httpx.TransportError as error:
        found = type(error).__name__
    finally:
        with quiet():
            ml.online_endpoints.begin_delete(name).result()
    tell(found)


@pytest.mark.probe("8")
def test_a_hidden_model_in_a_list(ml: Any, unique: str, tmp_path: Path, quiet: Any, tell: Tell) -> None:
    """Does a workspace list a model whose invisibleUntil lies in the future?"""
    from azure.ai.ml.entities import Model

    (tmp_path / "README.md").write_text("the weights are on the Hub")
    name, tags = f"hidden-{unique}", {"invisibleUntil": "2099-01-01T00:00:00.000Z"}
    with quiet():
        ml.models.create_or_update(Model(name=name, version="1", path=str(tmp_path), tags=tags))
    listed = [model.version for model in ml.models.list(name=name)]
    ml.models.archive(name, version="1")
    tell("listed as any other" if listed else "not listed")


@pytest.mark.probe("")
def test_regenerating_a_key_with_the_present_one(target: Any, ml: Any, endpoint: str, tell: Tell) -> None:
    """Does regenerateKeys make a new key where the request carries the present one, as azure-ai-ml sends it?"""
    before = ml.online_endpoints.get_keys(endpoint).secondary_key
    body = {"keyType": "Secondary", "keyValue": before}
    answer = target.arm("POST", f"{target.id}/onlineEndpoints/{endpoint}/regenerateKeys", body)
    deadline = time.monotonic() + (120 if target.live else 5)
    while answer.status_code < 400 and time.monotonic() < deadline:
        if ml.online_endpoints.get_keys(endpoint).secondary_key != before:
            break
        time.sleep(1)
    changed = ml.online_endpoints.get_keys(endpoint).secondary_key != before
    tell(f"{_said(answer)}; the key {'is another one' if changed else 'stays'}")


def test_the_page_lists_them(repository: Path) -> None:
    assert (repository / live_check.PAGE).read_text() == live_check.page(), "python -m tests.contract.live_check"


def test_each_sighting_is_of_a_probe() -> None:
    assert set(live_check.sightings()) <= {probe.test for probe in live_check.probes()}


def _said(answer: httpx.Response) -> str:
    """The status, and the code of an error."""
    if answer.status_code < 400:
        return str(answer.status_code)
    try:
        return f"{answer.status_code} {answer.json()['error']['code']}"
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)


def _wait(target: Any, id: str) -> None:
    """Wait until nothing is being done to a resource, two hours at most."""
    deadline = time.monotonic() + 7200
    while target.arm("GET", id).json()["properties"]["provisioningState"] not in ("Succeeded", "Failed", "Canceled"):
        assert time.monotonic() < deadline, id
        time.sleep(1)
