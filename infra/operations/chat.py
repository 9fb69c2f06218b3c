"""Speaks to `/v1/chat/completions` and reads the stream of server-sent events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from infra.errors import AccessDenied, GateliftError, NotReady
from infra.operations.connect import ConnectInfo

TIMEOUT = httpx.Timeout(10.0, read=180.0)  # no byte for longer than this, and Azure has given up as well


@dataclass
class Answer:
    """One whole answer, as far as it has come."""

    model: str = ""
    content: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As `chat --output json` prints it."""
        message = {"role": "assistant", "content": self.content, "reasoning": self.reasoning or None}
        return {"model": self.model, "message": message, "finish_reason": self.finish_reason, "usage": self.usage}


class ChatClient:
    """One endpoint, asked with one key."""

    def __init__(
        self,
        info: ConnectInfo,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.model = info.model
        self.url = f"{info.base_url}/chat/completions"
        self.settings = {"max_tokens": max_tokens, "temperature": temperature}
        self.answer = Answer()
        self.http = httpx.Client(
            headers={"Authorization": f"Bearer {info.api_key}"},
            timeout=TIMEOUT,
            transport=transport,
            trust_env=not is_loopback(info.base_url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def stream(self, messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """Ask, and yield `("reasoning" | "content", text)` as it comes; afterwards `answer` holds the whole."""
        self.answer = Answer(model=self.model)
        body = {"model": self.model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        body |= {name: value for name, value in self.settings.items() if value is not None}
        try:
            with self.http.stream("POST", self.url, json=body) as response:
                if response.status_code != httpx.codes.OK:
                    response.read()
                    raise refusal(response)
                for line in response.iter_lines():
                    if line.startswith("data:") and (data := line.removeprefix("data:").strip()) != "[DONE]":
                        yield from self._take(json.loads(data))
        except httpx.TransportError as error:
            raise NotReady(
                f"the endpoint {self.url} broke off: {error or type(error).__name__}",
                hint="`gatelift status SPEC` shows whether it runs, `gatelift logs SPEC` why not",
            ) from None
        if self.answer.finish_reason is None:
            raise NotReady("the answer ended before it was complete", hint="`gatelift logs SPEC` shows what happened")

    def _take(self, event: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Add one event to the answer; an error event is raised."""
        if error := event.get("error"):
            raise GateliftError(f"the model stopped: {error_text(error)}", code="stream_error")
        self.answer.model = event.get("model") or self.answer.model
        self.answer.usage = event.get("usage") or self.answer.usage
        for choice in event.get("choices", []):
            delta = choice.get("delta") or {}
            self.answer.finish_reason = choice.get("finish_reason") or self.answer.finish_reason
            # vLLM says `reasoning`, Azure's API says `reasoning_content`.
            if reasoning := delta.get("reasoning") or delta.get("reasoning_content"):
                self.answer.reasoning += reasoning
                yield "reasoning", reasoning
            if content := delta.get("content"):
                self.answer.content += content
                yield "content", content


def is_loopback(url: str) -> bool:
    """Whether the endpoint is on this machine, where no proxy of the environment can reach it."""
    return httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}


def refusal(response: httpx.Response) -> GateliftError:
    """What a status other than 200 means, in words, with the way out."""
    try:
        said = error_text(response.json().get("error", response.json()))
    except (ValueError, AttributeError):
        said = " ".join(response.text.split())[:300]
    status = response.headers.get("ms-azureml-model-error-statuscode") or response.status_code
    message = f"the endpoint answered {status}{f': {said}' if said else ''}"
    request_id = response.headers.get("x-request-id", "")
    if response.status_code in (401, 403):
        return AccessDenied(message, hint="the key may have been regenerated; ask again", request_id=request_id)
    if response.status_code == 404:
        hint = "`gatelift status SPEC` shows whether a deployment has traffic"
        return NotReady(message, hint=hint, request_id=request_id)
    if response.status_code in (408, 424, 429, 502, 503, 504):
        hint = "`gatelift status SPEC` shows the instances, `gatelift logs SPEC` what they say; then try again"
        return NotReady(message, hint=hint, request_id=request_id)
    return GateliftError(message, code="refused", request_id=request_id)


def error_text(error: Any) -> str:
    """The message inside an error body, whatever its shape."""
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
