"""Which places are measured, in which order, and what stops a measurement."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from infra.clock import SystemClock
from infra.errors import GateliftError, NotFound, NotReady, Refused
from infra.http_client import Web
from infra.load.prompts import made_up
from infra.load.run import Pace
from infra.operations.capacity.bench import Credential, Load, Place, measure, place_at, places_of, requests_in_all
from infra.operations.connect import ConnectInfo
from tests.infra.load.conftest import Handler, Told, answers, serve, text
from tests.infra.operations.conftest import Bench

ASKED = made_up(3, 4)


@pytest.fixture
def told() -> Iterator[Told]:
    with serve() as server:
        yield server


def load(*counts: int, warm_up: int = 0, **limits: float) -> Load:
    paces = tuple(Pace(concurrency=number, requests=count) for number, count in enumerate(counts, 1))
    return Load(paces, ASKED, limits, warm_up)


def refuse(handler: Handler) -> None:
    handler.refuse(500, {"error": {"message": "boom"}})


def for_deployment(name: str, wrong: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """Answers as usual, but for this deployment."""

    def script(handler: Handler) -> None:
        (wrong if handler.headers["azureml-model-deployment"] == name else answers())(handler)

    return script


def test_two_deployments_in_turn(told: Told) -> None:
    places = [Place(name, told.client(deployment=name)) for name in ("blue", "green")]
    found = list(measure(places, load(3, 4)))
    assert [(each.place.deployment, each.summary.requests) for each in found] == [
        ("blue", 3),
        ("green", 3),
        ("green", 4),
        ("blue", 4),
    ]
    asked = [(headers["azureml-model-deployment"], body["messages"][0]["content"]) for _, headers, body in told.seen]
    assert {prompt for who, prompt in asked if who == "blue"} == {prompt for who, prompt in asked if who == "green"}


def test_a_place_that_breaks_an_objective_is_spared_the_rest(told: Told) -> None:
    told.always = for_deployment("green", refuse)
    places = [Place(name, told.client(deployment=name)) for name in ("blue", "green")]
    found = list(measure(places, load(2, 3, error_rate=0.01)))
    assert [(each.place.deployment, each.summary.requests, len(each.breaches)) for each in found] == [
        ("blue", 2, 0),
        ("green", 2, 1),
        ("blue", 3, 0),
    ]
    assert found[1].summary.errors == (("500: boom", 2),)


def test_what_warms_up_is_not_counted(told: Told) -> None:
    [found] = measure([Place("", told.client())], load(2, warm_up=3))
    assert (found.summary.requests, len(told.seen)) == (2, 5)
    assert len({body["messages"][0]["content"] for _, _, body in told.seen}) == 5
    assert requests_in_all(2, load(2, 4, warm_up=3)) == 18
    assert requests_in_all(1, Load((Pace(concurrency=2, seconds=9),), ASKED, {})) is None


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        pytest.param(404, Refused, "the deployment green answers no question: 404: boom", id="no-route"),
        pytest.param(503, NotReady, "the deployment green answers no question: 503: boom", id="not-ready"),
    ],
)
def test_a_place_that_does_not_answer_is_not_measured(
    told: Told, status: int, kind: type[Exception], words: str
) -> None:
    told.always = for_deployment("green", lambda handler: handler.refuse(status, {"error": {"message": "boom"}}))
    places = [Place(name, told.client(deployment=name)) for name in ("blue", "green")]
    with pytest.raises(kind, match=words):
        list(measure(places, load(5, warm_up=1)))
    assert len(told.seen) == 2


def test_a_place_that_says_nothing_is_spared_the_rest(told: Told) -> None:
    told.always = refuse
    found = list(measure([Place("", told.client())], load(2, 3)))
    assert [(each.summary.requests, each.silent, each.breaches) for each in found] == [(2, True, ())]


def test_nobody_waits_again_for_a_server_that_hangs(told: Told) -> None:
    told.always = lambda handler: bool(handler.server.silence.wait(30))
    with pytest.raises(NotReady, match="answers no question: timeout"):
        list(measure([Place("", told.client(web=Web(read=0.2)))], load(5, warm_up=3)))
    assert len(told.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host/v1",
        "http://",
        "ftp://host/v1",
        "http://[::1",
        "http://host:99999/v1",
        "http://host:x/v1",
        "http://a b/v1",
        "http://host/v1\nX: y",
        "http://user:planted-secret@host/v1",
        "http://host/v1?api-key=planted-secret",
        "http://host/v1#planted-secret",
    ],
)
def test_what_is_no_url_of_a_server(url: str) -> None:
    with pytest.raises(GateliftError) as raised:
        place_at(url, "a-key", "m")
    assert (raised.value.code, "planted-secret" in f"{raised.value}") == ("invalid_url", False)


def test_a_key_with_the_end_of_its_line(told: Told) -> None:
    place_at(told.url, "a-key\n", "")
    assert [headers["Authorization"] for _, headers, _ in told.seen] == ["Bearer a-key"]
    with pytest.raises(GateliftError, match="OPENAI_API_KEY holds characters"):
        place_at(told.url, "a-k\u20acy", "m")


def test_any_endpoint_by_its_url(told: Told) -> None:
    place = place_at(f"{told.url}/", "a-key", "")
    assert (place.client.model, place.client.url) == ("first-model", f"{told.url}/chat/completions")
    assert place_at(f"{told.url}/chat/completions", "a-key", "named").client.model == "named"
    assert [headers["Authorization"] for _, headers, _ in told.seen] == ["Bearer a-key"]
    told.models = {"object": "list"}
    with pytest.raises(Refused, match="names no model: it answered 200"):
        place_at(told.url, "", "")


def test_a_token_is_read_again_before_it_expires() -> None:
    class Clock(SystemClock):
        seconds = 0.0

        def now(self) -> float:
            return self.seconds

    clock, tokens = Clock(), iter(["first", "second"])
    info = ConnectInfo("https://demo.example/v1", "", "", "m", "demo", "blue")
    credential = Credential(lambda: replace(info, api_key=next(tokens)), clock)
    assert (credential(), credential()) == ("first", "first")
    clock.seconds = 1000.0
    assert (credential(), credential()) == ("second", "second")


def test_through_the_front_end_of_an_emulated_endpoint(bench: Bench, tmp_path: Path) -> None:
    spec = bench.spec("benched")
    bench.up(spec)
    target = bench.target(spec)
    [whatever] = places_of(spec, target, ())
    [blue] = places_of(spec, target, ("blue",))
    found = list(measure([whatever, blue], load(3, warm_up=1)))
    assert [(each.summary.requests, each.summary.errors) for each in found] == [(3, ()), (3, ())]
    assert [each.place.deployment for each in found] == ["", "blue"]
    assert not math.isnan(found[0].summary.ttft_p95)
    with pytest.raises(NotFound, match="has no deployment green") as raised:
        places_of(spec, target, ("blue", "green"))
    assert raised.value.hint == "it has blue"
    with pytest.raises(NotFound, match="no endpoint"):
        places_of(bench.spec("never-made", workspace={"name": "ws-benched"}), target, ())


def test_a_model_that_says_nothing(told: Told) -> None:
    told.always = answers(text("", "stop"))
    [found] = measure([Place("", told.client())], load(2, ttft_p95=1.0))
    assert found.summary.failed == 0
    assert [breach.name for breach in found.breaches] == ["ttft_p95"]
