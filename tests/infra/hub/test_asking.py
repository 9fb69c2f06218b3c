"""When gatelift waits for the Hub, how often it asks, and to whom it sends the token."""

from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import HTTPMessage

import pytest

from infra.errors import GateliftError
from infra.http_client import Answer
from infra.hub.access import Hub
from infra.hub.patience import asked_to_wait
from infra.timeouts import Timeouts
from tests.infra.conftest import ManualClock
from tests.infra.hub.told import Say, ToldHub

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
GOOD = "hf_goodtoken001"
INFO = {"id": "org/open", "sha": "a" * 40}
GATED = {
    "id": "org/gated",
    "sha": "a" * 40,
    "gated": "manual",
    "siblings": [{"rfilename": "m.safetensors", "size": 4, "lfs": {"sha256": "*" * 64, "size": 4}}],
}
READABLE = {**GATED, "siblings": [{"rfilename": "m.safetensors", "size": 4, "lfs": {"sha256": "b" * 64, "size": 4}}]}
THROTTLED = Say(429, {"error": "too many"}, {"Retry-After": "12"})


class Waiting:
    """A Hub whose pauses take no time, and what it tells of them."""

    def __init__(self, url: str, longest: float) -> None:
        self.clock = ManualClock()
        self.said: list[str] = []
        self.hub = Hub(url, timeouts=Timeouts(hub_pauses=longest), clock=self.clock)
        self.hub.tell_of_waits(self.said.append)


@pytest.fixture
def waiting(told: ToldHub) -> Waiting:
    return Waiting(told.url, 300.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "12"}, 12, id="seconds"),
        pytest.param({"Retry-After": format_datetime(NOON.replace(second=40), usegmt=True)}, 40, id="a-date"),
        pytest.param(
            {
                "Retry-After": format_datetime(NOON.replace(hour=13, second=40), usegmt=True),
                "Date": format_datetime(NOON.replace(hour=13), usegmt=True),
            },
            40,
            id="a-date-by-a-clock-that-is-ahead",
        ),
        pytest.param({"Retry-After": format_datetime(NOON.replace(hour=11), usegmt=True)}, 0, id="a-date-gone-by"),
        pytest.param({"RateLimit": '"api";r=0;t=54'}, 55, id="the-limit"),
        pytest.param({"RateLimit": '"api";r=0;t=54', "Retry-After": "3"}, 3, id="both"),
        pytest.param({"Retry-After": "soon"}, 0, id="a-word"),
        pytest.param({}, 0, id="nothing"),
    ],
)
def test_how_long_the_hub_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    message = HTTPMessage()
    for name, value in headers.items():
        message[name] = value
    assert asked_to_wait(Answer(429, message), NOON) == seconds


def test_a_hub_that_throttles_is_waited_for_and_told_of(waiting: Waiting, told: ToldHub) -> None:
    told.answers = [THROTTLED, Say(429, "", {"RateLimit": '"api";r=0;t=4'}), Say(body={"name": "me"})]
    assert waiting.hub.token(GOOD).user == "me"
    assert waiting.clock.time == 17
    assert waiting.said == [
        "the Hub answers 429 and asks to wait 12 s: waiting",
        "the Hub answers 429 and asks to wait 5 s: waiting",
    ]


@pytest.mark.parametrize(
    ("longest", "waited", "requests"),
    [pytest.param(30.0, 24, 3, id="a-while"), pytest.param(5.0, 0, 1, id="not-at-all")],
)
def test_no_longer_than_the_setting_says(told: ToldHub, longest: float, waited: float, requests: int) -> None:
    waiting = Waiting(told.url, longest)
    told.answers = [THROTTLED]
    with pytest.raises(GateliftError) as error:
        waiting.hub.model("org/open", None, None)
    assert (error.value.code, waiting.clock.time, len(told.asked)) == ("hub_throttled", waited, requests)
    assert "in 12 s" in error.value.hint
    assert "GATELIFT_HUB_TIMEOUT" in error.value.hint


def test_all_questions_of_a_command_share_the_time(told: ToldHub) -> None:
    waiting = Waiting(told.url, 20.0)
    told.answers = [THROTTLED, Say(body=INFO), THROTTLED]
    waiting.hub.model("org/open", None, None)
    with pytest.raises(GateliftError):
        waiting.hub.token(GOOD)
    assert waiting.clock.time == 12


@pytest.mark.parametrize("bad", [Say(500, ""), Say(503, ""), Say(504, ""), Say(body=INFO, cut=True)])
def test_what_passes_by_itself_is_asked_for_again(waiting: Waiting, told: ToldHub, bad: Say) -> None:
    told.answers = [bad, bad, Say(body=INFO)]
    assert waiting.hub.model("org/open", None, None).revision == "a" * 40
    assert waiting.clock.time == 1.5


def test_a_public_model_is_asked_for_without_the_token(waiting: Waiting, told: ToldHub) -> None:
    told.answers = [Say(body=INFO)]
    waiting.hub.model("org/open", None, GOOD)
    waiting.hub.model("org/open", None, '"hf_with quotes')
    assert told.tokens == [None, None]


def test_the_hashes_of_a_gated_model_need_the_token(waiting: Waiting, told: ToldHub) -> None:
    told.answers = [Say(body=GATED), Say(body=READABLE)]
    assert [file.sha256 for file in waiting.hub.model("org/gated", None, GOOD).files] == ["b" * 64]
    assert told.tokens == [None, GOOD]


def test_a_gated_model_without_a_token_has_no_hashes(waiting: Waiting, told: ToldHub) -> None:
    told.answers = [Say(body=GATED)]
    assert [file.sha256 for file in waiting.hub.model("org/gated", None, None).files] == [""]


def test_a_private_model_is_asked_for_again_with_the_token(waiting: Waiting, told: ToldHub) -> None:
    told.answers = [Say(401, "", {"X-Error-Code": "RepoNotFound"}), Say(body={**INFO, "private": True})]
    assert waiting.hub.model("org/open", None, GOOD).needs_token
    assert told.tokens == [None, GOOD]


def test_a_renamed_model_is_followed_with_the_token(waiting: Waiting, told: ToldHub) -> None:
    told.answers = [Say(307, "", {"Location": "/api/models/org/new?blobs=true"})]
    told.paths["/api/models/org/new"] = Say(body={**READABLE, "id": "org/new"})
    assert waiting.hub.model("org/old", None, GOOD).id == "org/new"
    told.answers = [Say(307, "", {"Location": "/api/models/org/new/auth-check"})]
    told.paths["/api/models/org/new/auth-check"] = Say()
    waiting.hub.check_access("org/old", GOOD)
    assert told.asked[-1] == ("/api/models/org/new/auth-check", GOOD)


def test_the_token_goes_to_no_other_host_and_not_back_from_it(
    waiting: Waiting, told: ToldHub, elsewhere: ToldHub
) -> None:
    told.answers = [Say(302, "", {"Location": f"{elsewhere.url}/there"})]
    elsewhere.answers = [Say(302, "", {"Location": f"{told.url}/back"})]
    told.paths["/back"] = Say(body="OK")
    waiting.hub.check_access("org/gated", GOOD)
    assert (told.tokens, elsewhere.tokens) == ([GOOD, None], [None])
