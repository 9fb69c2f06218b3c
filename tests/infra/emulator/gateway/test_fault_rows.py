"""Every fault of the documentation's table: added by its command line, seen by a client."""

import contextlib
import io
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cli.main import main

COMMAND = "gatelift emulator fault add "
ANSWERS = {
    '--status 429 --header "Retry-After: 7" --times 2': (429, "TooManyRequests"),
    "--status 500 --times 1": (500, "InternalServerError"),
    "--status 502 --times 1": (502, "BadGateway"),
    "--status 503 --probability 0.5 --seed 7": (503, "ServiceUnavailable"),
    "--status 504 --times 1": (504, "GatewayTimeout"),
    "--status 401 --times 1": (401, "ExpiredAuthenticationToken"),
}
OPERATIONS = {
    '--method PUT --path onlineEndpoints --operation "InternalServerError: it broke"': "InternalServerError",
    '--method PUT --path onlineEndpoints --operation "OutOfQuota: no hosts in this region"': "OutOfQuota",
}
NEVER = "--method PUT --path onlineEndpoints --operation never"
BROKEN = {"--reset --times 1": httpx.RemoteProtocolError, "--hang": httpx.ReadTimeout, "--delay 5": httpx.ReadTimeout}
LOST = "--method PUT --path connections --after --times 1"
STORAGE = "--path ^/blobstore/ --reset"
CONNECTION = {"properties": {"category": "CustomKeys", "authType": "CustomKeys", "credentials": {"keys": {"a": "b"}}}}


def gatelift(emulator: Any, arguments: str) -> tuple[int, Any]:
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(io.StringIO()):
        code = main(["emulator", "fault", *shlex.split(arguments), "--state", emulator.state, "--output", "json"])
    document = json.loads(stdout.getvalue())
    assert document["version"] == 1
    return code, document.get("faults", document)


@pytest.fixture
def add(emulator: Any) -> Iterator[Callable[[str], Any]]:
    """Adds a rule by its command line; all are gone afterwards."""

    def run(arguments: str) -> Any:
        code, rules = gatelift(emulator, f"add {arguments}")
        assert code == 0
        return rules

    yield run
    assert gatelift(emulator, "clear") == (0, [])


@pytest.mark.parametrize(
    "arguments",
    [
        "--target nonsense --hang",
        "--status 503 --header ': y'",
        "--status 503 --header 'Content-Length: 1'",
        "--status 503 --header 'x: \u00e9'",
        "--delay inf",
        '--operation ""',
        "--operation ': words'",
    ],
)
def test_what_could_not_strike_is_refused_with_a_way_out(emulator: Any, arguments: str) -> None:
    code, document = gatelift(emulator, f"add {arguments}")
    assert (code, document["error"]["code"]) == (1, "invalid_request")
    assert document["error"]["hint"]
    assert gatelift(emulator, "list") == (0, [])


@pytest.mark.parametrize("arguments", [*ANSWERS, *OPERATIONS, NEVER, *BROKEN, LOST, STORAGE])
def test_each_is_documented(repository: Path, arguments: str) -> None:
    assert f"`{arguments}`" in (repository / "docs" / "emulator.md").read_text()


@pytest.mark.parametrize("arguments", ANSWERS)
def test_an_answer(add: Any, arm: Any, emulator: Any, arguments: str) -> None:
    add(arguments)
    answers = [answer for _ in range(8) if (answer := arm("GET", arm.lab)).status_code != 200]
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {ANSWERS[arguments]}
    assert gatelift(emulator, "list")[1][0]["struck"] == len(answers)
    if "Retry-After" in arguments:
        assert [answer.headers["retry-after"] for answer in answers] == ["7", "7"]


@pytest.mark.parametrize("arguments", BROKEN)
def test_a_connection_that_breaks_hangs_or_crawls(add: Any, arm: Any, arguments: str) -> None:
    add(arguments)
    with pytest.raises(BROKEN[arguments]):
        arm.client.get(arm.lab, params={"api-version": "2024-04-01"}, timeout=0.3)


@pytest.mark.parametrize("arguments", OPERATIONS)
def test_an_operation_that_fails(add: Any, arm: Any, bodies: Any, arguments: str) -> None:
    add(arguments)
    id = f"{arm.lab}/onlineEndpoints/faulty"
    assert arm.finish(arm("PUT", id, bodies["endpoint"]()))["error"]["code"] == OPERATIONS[arguments]
    assert arm("GET", id).json()["properties"]["provisioningState"] == "Failed"
    arm.done("DELETE", id)


def test_an_operation_that_never_ends(add: Any, arm: Any, bodies: Any) -> None:
    add(NEVER)
    id = f"{arm.lab}/onlineEndpoints/endless"
    started = arm("PUT", id, bodies["endpoint"]())
    polled = arm.client.get(started.headers["azure-asyncoperation"]).json()
    assert (polled["status"], arm("GET", id).json()["properties"]["provisioningState"]) == ("InProgress", "Creating")
    arm.done("DELETE", id)


def test_an_answer_lost_after_the_write(add: Any, arm: Any) -> None:
    add(LOST)
    with pytest.raises(httpx.RemoteProtocolError):
        arm("PUT", f"{arm.lab}/connections/lostrow", CONNECTION)
    assert arm("GET", f"{arm.lab}/connections/lostrow").status_code == 200
    arm.done("DELETE", f"{arm.lab}/connections/lostrow")


def test_storage_that_cannot_be_reached(add: Any, arm: Any) -> None:
    add(STORAGE)
    with pytest.raises(httpx.RemoteProtocolError):
        arm.client.get("/blobstore/any.blob.core.windows.net/container/file")
    assert arm("GET", arm.lab).status_code == 200


def test_rules_keep_their_counts_when_one_is_added(add: Any, arm: Any, emulator: Any) -> None:
    add("--path workspaces/lab --status 503 --times 1")
    arm("GET", arm.lab)
    assert [rule["struck"] for rule in add("--path elsewhere --status 500")] == [1, 0]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("--path x", id="no-effect"),
        pytest.param("--path ( --status 500", id="no-regular-expression"),
        pytest.param("--status 429 --header Retry-After", id="header-without-value"),
    ],
)
def test_a_rule_that_makes_no_sense(emulator: Any, arguments: str) -> None:
    assert gatelift(emulator, f"add {arguments}")[0] == 1
    assert gatelift(emulator, "list") == (0, [])
