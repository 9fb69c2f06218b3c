"""What the official documents say of an answer, and a tape of all the answers that clients get.

The documents are shared beside the project; their own tool reads them.
"""

import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from azure.core.pipeline.transport import RequestsTransport

from tests.scoring.responses.checking import check_events, check_response

VERSIONS = ("2024-05-01-preview", "2025-04-01")
MODEL_INFERENCE = ("/chat/completions", "/embeddings", "/images/embeddings", "/info")
EVENTS = {"/chat/completions": "CreateChatCompletionStreamResponse", "/responses": "ResponseStreamEvent"}


@dataclass(frozen=True)
class Taken:
    """One answer as it came over the wire."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    pieces: list[bytes]  # more may come while the answer is read

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def streams(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def events(self) -> list[Any]:
        """Return the data of the events, without the last word."""
        data = [line[len("data: ") :] for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [json.loads(text) for text in data if text != "[DONE]"]


@dataclass
class Documents:
    """The official documents: Azure AI Model Inference in both versions, and OpenAI's."""

    azure: dict[str, Any]
    openai: Any
    azure_paths: tuple[str, ...] = MODEL_INFERENCE
    checked: int = 0
    violations: list[str] = field(default_factory=list)

    def check(self, taken: Taken) -> list[str]:
        """Return what is wrong with an answer, and count it."""
        found = list(self._azure(taken) if taken.path in MODEL_INFERENCE else self._openai(taken))
        self.checked += 1
        self.violations += [f"{taken.method} {taken.path} {taken.status}: {fault}" for fault in found]
        return found

    def _azure(self, taken: Taken) -> Iterator[str]:
        if taken.status >= 400 and "x-ms-error-code" not in taken.headers:
            yield "no x-ms-error-code"
        for version, document in self.azure.items():
            if not taken.streams:
                faults = document.check_response(taken.method, taken.path, taken.status, json.loads(taken.body))
                yield from (f"{version}: {fault}" for fault in faults)
                continue
            validator = document.validator({"$ref": "#/definitions/StreamingChatCompletionsUpdate"})
            for event in taken.events():
                yield from (f"{version}: {error.message[:200]}" for error in validator.iter_errors(event))

    def _openai(self, taken: Taken) -> Iterator[str]:
        path = taken.path.removeprefix("/v1")
        if taken.streams:
            validator = self.openai.validator({"$ref": f"#/components/schemas/{EVENTS[path]}"})
            for event in map(without_early_usage, taken.events()):
                yield from (f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(event))
            yield from _faults(check_events, taken.events() if path == "/responses" else None)
        elif taken.status < 400:
            answer = without_base64(json.loads(taken.body))
            yield from self.openai.check_response(taken.method, path, taken.status, answer)
            yield from _faults(check_response, answer if answer.get("object") == "response" else None)
        else:  # the document has no errors for these routes: vLLM's words, in OpenAI's object
            error = json.loads(taken.body)["error"]
            yield from (f"error has no {name}" for name in ("message", "type", "param", "code") if name not in error)


def _faults(check: Callable[[Any], Any], said: Any) -> Iterator[str]:
    """Yield what a check by OpenAI's types and by the Open Responses document finds, where there is something to it."""
    try:
        if said is not None:
            check(said)
    except AssertionError as error:
        yield str(error)[:300]


def without_early_usage(event: Any) -> Any:
    """Return an event without a usage that is null: the Open Responses document wants the member, OpenAI's none."""
    if event.get("response", {}).get("usage", 0) is not None:
        return event
    return {**event, "response": {name: value for name, value in event["response"].items() if name != "usage"}}


def without_base64(answer: Any) -> Any:
    """Return an answer with no numbers where a vector is written in base64, which the document has no words for."""
    if answer.get("object") != "list" or "usage" not in answer:
        return answer
    return {
        **answer,
        "data": [{**one, "embedding": []} if isinstance(one["embedding"], str) else one for one in answer["data"]],
    }


def read_documents(specs: Path) -> Documents:
    """Read the documents below a folder."""
    tool = _tool(specs / "tools" / "specval.py")
    azure = {version: tool.Spec(str(specs / "model-inference" / version / "openapi.json")) for version in VERSIONS}
    return Documents(azure, tool.Spec(str(specs / "openai" / "openapi.subset.json")))


def _tool(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("specval", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Tape:
    """Takes down every answer that the clients on it get, once it has ended."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []

    def httpx_client(self) -> httpx.Client:
        """Return a client whose answers are taken down."""
        return httpx.Client(transport=_HttpxTransport(self), timeout=120)

    def azure_transport(self) -> RequestsTransport:
        """Return what Azure's clients send through."""
        return _AzureTransport(self)


class _HttpxTransport(httpx.HTTPTransport):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.stream = _TakenStream(self._tape, request, response)
        return response


class _TakenStream(httpx.SyncByteStream):
    def __init__(self, tape: Tape, request: httpx.Request, response: httpx.Response) -> None:
        path = request.url.path
        self._taken = Taken(request.method, path, response.status_code, dict(response.headers), [])
        tape.taken.append(self._taken)
        self._stream: Any = response.stream

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._taken.pieces.append(piece)
            yield piece

    def close(self) -> None:
        self._stream.close()


class _AzureTransport(RequestsTransport):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        method, path = request.method, httpx.URL(request.url).path
        headers = {name.lower(): value for name, value in response.headers.items()}
        taken = Taken(method, path, response.status_code, headers, [])
        self._tape.taken.append(taken)
        if not options.get("stream"):
            taken.pieces.append(response.body())
            return response
        download = response.stream_download

        def reading(*arguments: Any, **named: Any) -> Iterator[bytes]:
            for piece in download(*arguments, **named):
                taken.pieces.append(piece)
                yield piece

        response.stream_download = reading
        return response
