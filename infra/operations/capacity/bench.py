"""Measures a running endpoint: the same questions at one pace after another, of one deployment or several in turn."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from urllib.parse import urlsplit

from msgspec import Struct

from infra.azure.target import Target
from infra.clock import Clock
from infra.errors import GateliftError, NotFound, NotReady, Refused, printable
from infra.http_client import Unreachable, Web
from infra.load.ask import CONNECT_SECONDS, TIMEOUT, Client, Sample
from infra.load.files import allow_connections
from infra.load.run import MOST_STREAMS, Choose, Pace, Run, run
from infra.load.slo import Breach, breaches
from infra.load.summary import Summary, counted, summarize
from infra.operations.connect import ConnectInfo, connection_info
from infra.parallel import together
from infra.planning.serving import serving
from infra.spec.model import StackSpec

RENEW_SECONDS = 900.0  # tokens of an endpoint live for an hour at least
WARM_UP = 3  # requests that are not counted
MODELS_SECONDS = 30.0
MOST_MODELS = 1024 * 1024  # bytes of the list
OF_A_STACK = "`gatelift status SPEC` shows the endpoint's state, `gatelift logs SPEC` the container's log"
OF_A_URL = "--url is what clients call their base URL, mostly with /v1 at its end; the key is read from OPENAI_API_KEY"


class Place(Struct, frozen=True):
    """Something that is measured: a deployment by its name, or what clients reach ("")."""

    deployment: str
    client: Client
    advice: str = OF_A_STACK
    """What to do where it does not answer."""


class Load(Struct, frozen=True):
    """What is sent to each place: questions, at these paces, with these objectives."""

    paces: tuple[Pace, ...]
    choose: Choose
    limits: dict[str, float]
    warm_up: int = WARM_UP


class Measured(Struct, frozen=True):
    """What one run brought; `breaches` are the objectives that it did not keep."""

    place: Place
    run: Run
    summary: Summary
    breaches: tuple[Breach, ...]

    @property
    def silent(self) -> bool:
        """Whether not one request was answered."""
        return self.summary.failed == self.summary.requests


def places_of(spec: StackSpec, target: Target, deployments: Collection[str], model: str = "") -> tuple[Place, ...]:
    """These deployments of the spec's endpoint, or what its clients reach if none is named.

    `model` is another name than the deployment's own, such as that of an adapter.

    Raises `NotFound` for an endpoint or a deployment that does not exist, and `NotReady` where there is no URL yet.
    """
    if deployments:
        found = serving(target.cloud, spec).deployments
        for name in deployments:
            if name not in found:
                there = ", ".join(sorted(found)) or "none"
                endpoint = spec.endpoint.name.lower()
                raise NotFound(f"the endpoint {endpoint} has no deployment {name}", hint=f"it has {there}")
    return tuple(together([lambda name=name: _place(spec, target, name, model) for name in deployments or ("",)]))  # type: ignore[misc]


def place_at(url: str, key: str, model: str) -> Place:
    """Any OpenAI endpoint: `url` ends in `/v1`; without a `model` the first that it serves.

    Raises `GateliftError` for what is no such URL and for a key that no header can hold.
    """
    base, token = _base_url(url), key.strip()
    if not (token.isascii() and token.isprintable()):
        raise GateliftError("OPENAI_API_KEY holds characters that no key can have", code="invalid_key")
    return Place("", Client(base, lambda: token, model or _first_model(base, token)), OF_A_URL)


def measure(places: Sequence[Place], load: Load) -> Iterator[Measured]:
    """Run each pace on every place in turn, A B, then B A; one that breaks an objective or says nothing is spared more.

    Raises what stands in the way of the very first answers, which warm up and are not counted.
    """
    allow_connections(
        max(pace.concurrency or min(pace.count or MOST_STREAMS, MOST_STREAMS) for pace in load.paces),
        needed=max(pace.concurrency or 0 for pace in load.paces),
    )
    for place in places:
        _warm_up(place, load)
    broken: set[str] = set()
    for turn, pace in enumerate(load.paces):
        for place in places if turn % 2 == 0 else reversed(places):
            if place.deployment in broken:
                continue
            done = run(place.client.ask, load.choose, pace)
            summary = summarize(done.samples, done.seconds)
            found = breaches(summary, load.limits)
            measured = Measured(place, done, summary, found)
            if found or measured.silent:
                broken.add(place.deployment)
            yield measured


def requests_in_all(places: int, load: Load) -> int | None:
    """How many requests are sent at most, those that warm up included; None where that depends on the server."""
    counts = [pace.count for pace in load.paces]
    known = [count for count in counts if count is not None]
    return places * (sum(known) + load.warm_up) if len(known) == len(counts) else None


def _place(spec: StackSpec, target: Target, deployment: str, model: str) -> Place:
    read = partial(connection_info, target.cloud, spec, target.entra_token, deployment=deployment)
    credential = Credential(read, target.cloud.clock)
    info = credential.info
    return Place(deployment, Client(info.base_url, credential, model or info.model, deployment=deployment))


class Credential:
    """The endpoint's key or token, read again now and then because tokens expire; may be shared by threads."""

    def __init__(self, read: Callable[[], ConnectInfo], clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._since = clock.now()
        self.info = read()

    def __call__(self) -> str:
        """The key or token, at most `RENEW_SECONDS` old."""
        with self._lock:
            if self._clock.now() - self._since > RENEW_SECONDS:
                self._since = self._clock.now()
                self.info = self._read()
        return self.info.api_key


def _warm_up(place: Place, load: Load) -> None:
    samples: list[Sample] = []
    for number in range(load.warm_up):
        samples.append(place.client.ask(load.choose(-1 - number)))
        if samples[-1].error == TIMEOUT:  # the next one would take as long
            break
    if samples and all(sample.failed for sample in samples):
        raise _unusable(place, samples)


def _unusable(place: Place, samples: Sequence[Sample]) -> GateliftError:
    which = f"the deployment {place.deployment}" if place.deployment else place.client.url
    error, _ = counted(sample.error for sample in samples)[0]
    kind = Refused if 400 <= samples[0].status < 500 else NotReady
    return kind(f"{which} answers no question: {error}", hint=place.advice, code="bench_no_answer")


def _base_url(url: str) -> str:
    """The URL without the path of the chat; `GateliftError` for one that leads nowhere or holds a secret."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise GateliftError(f"--url {printable(url)}: this is no URL of a server", hint=OF_A_URL, code="invalid_url")
    if parts.username or parts.password or parts.query or parts.fragment:
        plain = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise GateliftError(f"--url takes no login and no query: {plain} is enough", hint=OF_A_URL, code="invalid_url")
    return url.rstrip("/").removesuffix("/chat/completions")


def _first_model(base_url: str, key: str) -> str:
    url = f"{base_url}/models"
    try:
        web = Web(connect=CONNECT_SECONDS, read=MODELS_SECONDS)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = web.send("GET", url, headers=headers, at_most=MOST_MODELS)
        return str(answer.json()["data"][0]["id"])
    except Unreachable as error:
        raise NotReady(f"{url} does not answer: {error}", hint=OF_A_URL) from None
    except (ValueError, LookupError, TypeError, RecursionError):
        hint = "name it with --model; the key is read from OPENAI_API_KEY"
        raise Refused(f"{url} names no model: it answered {answer.status}", hint=hint) from None
