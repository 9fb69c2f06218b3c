"""One streamed chat completion, measured: when its tokens came, what it used, and what went wrong."""

import time
from collections.abc import Callable
from http.client import HTTPException
from itertools import pairwise
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from infra.errors import GateliftError
from infra.http_client import Exchange, Failing, Unreachable, Web
from infra.load.answers import outcome
from infra.load.body import ENDED, error_said, events, message_in, no_stream, shown

PATH = "/chat/completions"
CONNECT_SECONDS = 10.0
READ_SECONDS = 190.0  # between two pieces; Azure ends a request after 180 seconds
MOST_IDLE = 512  # connections
DEPLOYMENT_HEADER = "azureml-model-deployment"
THROTTLED = 429
MOST_TOKENS = 2**31  # of a prompt or an answer: more is a mistake
TIMEOUT = "timeout"
"""The `error` of a sample for whose answer nobody waited longer."""


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
            return heard.failed(0, TIMEOUT if error.why is Failing.TIME else str(error))
        try:
            return self._listen(exchange, heard)
        except TimeoutError:
            exchange.close()
            return heard.failed(exchange.status, TIMEOUT)
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
            said = error_said(exchange)
            self._web.keep(exchange)
            return heard.failed(real.status, f"{real}: {said}")
        for data in events(exchange, self._web.read_seconds):
            heard.take(data)
        self._web.keep(exchange)
        return heard.sample(no_stream(exchange.headers))


class _Delta(Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    refusal: str | None = None


class _Choice(Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


_Count = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]


class _Usage(Struct):
    prompt_tokens: _Count = 0
    completion_tokens: _Count | None = 0


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
            self._error = (
                self._error or f"an event that is no chunk of a chat completion: {data.decode(errors='replace')}"
            )
            return
        if event.error:
            self._error = self._error or f"error in the stream: {message_in(event.error)}"
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

    def sample(self, without: str) -> Sample:
        """The sample of a stream that has ended; `without` says why, if no event came."""
        if self._error or not self._finished:
            return self.failed(200, self._error or (ENDED if self._pieces else without))
        return self._sample(200, "", self._pieces[-1])

    def failed(self, status: int, error: str) -> Sample:
        """The sample of a request that failed now, with whatever had come until then."""
        return self._sample(status, shown(error), time.perf_counter() - self._began)

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
