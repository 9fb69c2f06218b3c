"""One streamed chat completion, measured: when its tokens came, what it used, and what went wrong."""

import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from infra.errors import GateliftError
from infra.http_client import Exchange, Failing, Unreachable, Web
from infra.load.answers import outcome

PATH = "/chat/completions"
CONNECT_SECONDS = 10.0
READ_SECONDS = 190.0  # between two pieces; Azure ends a request after 180 seconds
MOST_IDLE = 512  # connections
MOST_ERROR = 300  # characters of what a server said
DEPLOYMENT_HEADER = "azureml-model-deployment"
THROTTLED = 429


class Question(Struct, frozen=True):
    """What is asked: a prompt, or whole `messages` in its place."""

    prompt: str
    max_tokens: int
    messages: tuple[dict[str, Any], ...] = ()
    ignore_eos: bool = False
    """Whether the answer goes on until `max_tokens`, which vLLM takes and OpenAI's own API refuses."""


class Sample(Struct, frozen=True):
    """What became of a question; all times but `began` are seconds after `began`."""

    began: float
    """On the clock of `time.perf_counter`, before the connection was made."""
    ttft: float | None
    """To the first piece with text, of whatever kind; None if there was none."""
    gaps: tuple[float, ...]
    """Between one piece with text and the next."""
    seconds: float
    """To the last piece with text or a reason to finish, or to the failure."""
    prompt_tokens: int
    tokens: int
    """Of the answer, as the server counts them; pieces with text where it does not."""
    status: int
    """Of the response, the container's own where Azure's front end hides it; 0 if there was none."""
    error: str = ""
    """Why it failed, empty if it did not."""
    pieces: tuple[float, ...] = ()
    """When each piece with a choice came, text in it or not: vLLM's own bench counts from the first of these."""

    @property
    def failed(self) -> bool:
        """Whether no whole answer came."""
        return bool(self.error)

    @property
    def throttled(self) -> bool:
        """Whether it was turned away because of the load (429)."""
        return self.status == THROTTLED


class Client:
    """Asks one endpoint, or one deployment of it; may be shared by threads and keeps its connections open.

    `credential` gives the key or token for each request, so that one which expires can be renewed. `web` has timeouts
    and certificates other than usual.
    """

    def __init__(
        self,
        base_url: str,
        credential: Callable[[], str],
        model: str,
        *,
        deployment: str = "",
        web: Web | None = None,
    ) -> None:
        self.url = base_url.rstrip("/") + PATH
        self.model = model
        self.deployment = deployment
        self._credential = credential
        self._web = web or Web(connect=CONNECT_SECONDS, read=READ_SECONDS, most_idle=MOST_IDLE)

    def ask(self, question: Question) -> Sample:
        """Ask, and wait for the whole answer; whatever the server does, the sample tells it."""
        body = msgspec.json.encode(self._body(question))
        try:
            headers = self._headers()
        except GateliftError as error:
            return _Heard(time.perf_counter()).failed(0, f"no credential: {error}")
        heard = _Heard(time.perf_counter())
        try:
            exchange = self._web.open("POST", self.url, headers=headers, body=body, repeat=True)
        except Unreachable as error:
            return heard.failed(0, "timeout" if error.why is Failing.TIME else str(error))
        try:
            return self._listen(exchange, heard)
        except TimeoutError:
            exchange.close()
            return heard.failed(exchange.status, "timeout")
        except (OSError, HTTPException) as error:
            exchange.close()
            return heard.failed(exchange.status, f"the connection was cut: {str(error) or type(error).__name__}")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if key := self._credential():
            headers["Authorization"] = f"Bearer {key}"
        if self.deployment:
            headers[DEPLOYMENT_HEADER] = self.deployment
        return headers

    def _body(self, question: Question) -> dict[str, Any]:
        messages = list(question.messages) or [{"role": "user", "content": question.prompt}]
        return {
            "model": self.model,
            "messages": messages,
            "max_tokens": question.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"ignore_eos": True} if question.ignore_eos else {}),
        }

    def _listen(self, exchange: Exchange, heard: "_Heard") -> Sample:
        if exchange.status != 200:
            real = outcome(exchange.status, {name.lower(): value for name, value in exchange.headers.items()})
            said = exchange.response.read().decode(errors="replace")
            self._web.keep(exchange)
            return heard.failed(real.status, f"{real}: {_message(said)}")
        for data in _events(exchange):
            heard.take(data)
        self._web.keep(exchange)
        return heard.sample()


class _Delta(Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    refusal: str | None = None


class _Choice(Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0


class _Event(Struct):
    choices: list[_Choice] = msgspec.field(default_factory=list)
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class _Heard:
    """A stream while it comes in."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._pieces: list[float] = []
        self._texts: list[float] = []
        self._usage = _Usage()
        self._finished = False
        self._error = ""

    def take(self, data: bytes) -> None:
        """Take the data of one event."""
        if data == b"[DONE]":
            return
        now = time.perf_counter() - self._began
        try:
            event = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._error = self._error or f"an event that is no chunk of a chat completion: {_shortened(data)}"
            return
        if event.error:
            self._error = self._error or f"error in the stream: {_message_in(event.error)}"
        if event.usage is not None:
            self._usage = event.usage
        if not event.choices:
            return
        self._pieces.append(now)
        choice = event.choices[0]
        delta = choice.delta
        if delta.content or delta.reasoning or delta.reasoning_content or delta.tool_calls or delta.refusal:
            self._texts.append(now)
        self._finished = self._finished or choice.finish_reason is not None

    def sample(self) -> Sample:
        """The sample of a stream that has ended."""
        if self._error or not self._finished:
            return self.failed(200, self._error or "the stream ended before the answer did")
        return self._sample(200, "", self._pieces[-1])

    def failed(self, status: int, error: str) -> Sample:
        """The sample of a request that failed now, with whatever had come until then."""
        return self._sample(status, _shortened(error.encode()), time.perf_counter() - self._began)

    def _sample(self, status: int, error: str, seconds: float) -> Sample:
        texts = self._texts
        return Sample(
            began=self._began,
            ttft=texts[0] if texts else None,
            gaps=tuple(later - earlier for earlier, later in pairwise(texts)),
            seconds=seconds,
            prompt_tokens=self._usage.prompt_tokens,
            tokens=self._usage.completion_tokens or len(texts),
            status=status,
            error=error,
            pieces=tuple(self._pieces),
        )


def _events(exchange: Exchange) -> Iterator[bytes]:
    """The data of each server-sent event, as soon as it is there."""
    response, rest = exchange.response, b""
    while chunk := response.read1(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _message(said: str) -> str:
    """The message in the body of an error."""
    try:
        document = msgspec.json.decode(said)
    except msgspec.MsgspecError:
        return " ".join(said.split())
    return _message_in(document.get("error", document)) if isinstance(document, dict) else str(document)


def _message_in(error: Any) -> str:
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def _shortened(text: bytes) -> str:
    shown = text.decode(errors="replace")
    return shown if len(shown) <= MOST_ERROR else shown[:MOST_ERROR] + "…"
