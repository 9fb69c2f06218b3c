"""Trying a file: from wherever the Hub has it sent, and never with the token there."""

import socket

import pytest

from infra.errors import GateliftError
from infra.hub.access import Hub
from infra.hub.asking import Asker
from infra.hub.facts import ModelFacts
from infra.timeouts import Timeouts
from tests.infra.conftest import ManualClock
from tests.infra.hub.told import Say, ToldHub

GOOD = "hf_goodtoken001"
FACTS = ModelFacts("org/gated", "a" * 40, gated=True)
NAME = "model.safetensors"


def test_a_file_comes_from_another_host_without_the_token(told: ToldHub, elsewhere: ToldHub) -> None:
    told.answers = [Say(302, "", {"Location": f"{elsewhere.url}/signed?Signature=x"})]
    elsewhere.answers = [Say(206, b"w")]
    Hub(told.url).try_file(FACTS, NAME, GOOD)
    assert told.asked == [(f"/org/gated/resolve/{'a' * 40}/{NAME}", GOOD)]
    assert elsewhere.asked == [("/signed?Signature=x", None)]


def test_no_more_than_a_byte_is_read(told: ToldHub) -> None:
    told.answers = [Say(200, b"w" * 10_000_000)]
    answer, _ = Asker(told.url, Timeouts()).get(f"{told.url}/{NAME}", None, at_most=1)
    assert answer.content == b"w"


@pytest.mark.parametrize("status", [403, 404, 503])
def test_the_host_that_refuses_is_named(status: int, told: ToldHub, elsewhere: ToldHub) -> None:
    told.answers = [Say(302, "", {"Location": f"{elsewhere.url}/signed"})]
    elsewhere.answers = [Say(status, "no")]
    error = refused(told.url)
    assert (error.code, f"answers {status}" in str(error), "firewall" in error.hint) == ("hub_storage", True, True)


def test_the_host_that_is_silent_is_named(told: ToldHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told.answers = [Say(302, "", {"Location": f"http://localhost:{port}/signed"})]
    error = refused(told.url)
    assert (error.code, "from localhost, and that fails" in str(error)) == ("hub_storage", True)


def test_the_hub_itself_refuses(told: ToldHub) -> None:
    told.answers = [Say(404, "", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})]
    assert refused(told.url).code == "file_not_found"
    told.answers = [Say(403, "", {"X-Error-Code": "GatedRepo", "X-Error-Message": "awaiting a review"})]
    assert refused(told.url).code == "access_pending"


def refused(url: str) -> GateliftError:
    with pytest.raises(GateliftError) as caught:
        Hub(url, clock=ManualClock()).try_file(FACTS, NAME, GOOD)
    assert GOOD not in f"{caught.value}{caught.value.hint}"
    return caught.value
