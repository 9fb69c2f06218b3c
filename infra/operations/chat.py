"""A streaming client of `/v1/chat/completions`, for `gatelift chat`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from infra.errors import AccessDenied, GateliftError, NotReady, Refused
from infra.load.answers import outcome
from infra.operations.connect import ConnectInfo

TIMEOUT = httpx.Timeout(10.0, read=180.0)  # Azure, too, ends a request after 180 seconds
NO_ACCESS = {
    401: "the key may have been regenerated: run the command again",
    403: "with `public_network_access: disabled` an endpoint answers only inside the workspace's virtual network",
}


@dataclass
class Answer:
    """An answer, collected while it is streamed."""

    model: str = ""
    content: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document that `chat --output json` prints."""
        message = {"role": "assistant", "content": self.content, "reasoning": self.reasoning or None}
        return {"model": self.model, "message": message, "finish_reason": self.finish_reason, "usage": self.usage}


class ChatClient:
    """A client of one endpoint; a context manager that closes its connections."""

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
        """Send the messages and yield `("reasoning" | "content", text)` pairs; `answer` then holds the whole answer.

        Raises `NotReady` where the endpoint does not answer or the stream breaks off, and the error of `refusal` for
        any status but 200.
        """
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
                f"the connection to {self.url} failed: {error or type(error).__name__}",
                hint="`gatelift status SPEC` shows whether the endpoint is running, `gatelift logs SPEC` its log",
            ) from None
        if self.answer.finish_reason is None:
            raise NotReady(
                "the stream ended before the answer was complete", hint="`gatelift logs SPEC` shows what happened"
            )

    def _take(self, event: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Add one event to `answer`; raises `GateliftError` for an error event."""
        if error := event.get("error"):
            raise GateliftError(f"the model stopped: {error_text(error)}", code="stream_error")
        self.answer.model = event.get("model") or self.answer.model
        self.answer.usage = event.get("usage") or self.answer.usage
        for choice in event.get("choices", []):
            delta = choice.get("delta") or {}
            self.answer.finish_reason = choice.get("finish_reason") or self.answer.finish_reason
            # vLLM calls the field `reasoning`, the Azure AI Model Inference API `reasoning_content`.
            if reasoning := delta.get("reasoning") or delta.get("reasoning_content"):
                self.answer.reasoning += reasoning
                yield "reasoning", reasoning
            if content := delta.get("content"):
                self.answer.content += content
                yield "content", content


def is_loopback(url: str) -> bool:
    """Whether the endpoint is on this machine, so that no proxy from the environment must be used."""
    return httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}


def refusal(response: httpx.Response) -> GateliftError:
    """The error for an answer with a status other than 200."""
    try:
        detail = error_text(response.json().get("error", response.json()))
    except (ValueError, AttributeError):
        detail = " ".join(response.text.split())[:300]
    real = outcome(response.status_code, response.headers)
    message = f"the endpoint answered {real}{f': {detail}' if detail else ''}"
    request_id = response.headers.get("x-request-id", "")
    if real.may_pass or real.status == httpx.codes.REQUEST_TIMEOUT:
        when = f"try again in {real.retry_after} s" if real.retry_after else "try again"
        hint = f"`gatelift status SPEC` shows the deployments, `gatelift logs SPEC` their logs; then {when}"
        return NotReady(message, hint=hint, request_id=request_id)
    if real.by_container:
        hint = "`gatelift logs SPEC` shows the container's log; see the message for what it did not accept"
        return Refused(message, hint=hint, request_id=request_id)
    if real.status in (401, 403):
        return AccessDenied(message, hint=NO_ACCESS[real.status], request_id=request_id)
    if real.status == 404:
        hint = "`gatelift status SPEC` shows whether a deployment gets traffic; `gatelift explain no_route` says more"
        return NotReady(message, hint=hint, request_id=request_id)
    return Refused(message, hint="`gatelift status SPEC` shows the endpoint's state", request_id=request_id)


def error_text(error: Any) -> str:
    """The message in an error of OpenAI's or any other shape."""
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
