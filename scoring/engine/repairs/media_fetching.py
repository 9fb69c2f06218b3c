"""Media that cannot be fetched, told as the request's fault: vLLM answers 500 with what its HTTP library says."""

import functools
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit


def install() -> None:
    """Have vLLM's own connector fetch through a connection that says what kept it from a medium."""
    media: Any = importlib.import_module("vllm.multimodal.media")
    names: tuple[str, ...] = ("vllm.connections", "vllm.exceptions", "aiohttp")
    connections, exceptions, aiohttp = (importlib.import_module(name) for name in names)
    connection = connection_class(connections, exceptions, aiohttp)()
    media.MEDIA_CONNECTOR_REGISTRY.register("http")(functools.partial(media.MediaConnector, connection=connection))


def connection_class(connections: ModuleType, exceptions: ModuleType, aiohttp: ModuleType) -> type[Any]:
    """Return vLLM's connection, changed to refuse redirects and to tell of a failure in a client error."""
    failures: tuple[type[Exception], ...] = (OSError, aiohttp.ClientError)  # requests' own are OSErrors

    def refusal(url: str, reason: str) -> Exception:
        host = urlsplit(url).netloc[:80]
        message = f"The medium at https://{host} cannot be fetched: {reason}; send it as a data URL"
        error: Exception = exceptions.VLLMUnprocessableEntityError(message, parameter="image_url")
        return error

    def check_status(url: str, status: int) -> None:
        if 300 <= status < 400:
            raise refusal(url, f"its host redirects with {status}, which is not followed")

    class Connection(connections.HTTPConnection):  # type: ignore[misc, name-defined]
        def get_response(self, url: str, *, allow_redirects: bool = True, **named: Any) -> Any:
            response = super().get_response(url, allow_redirects=allow_redirects, **named)
            check_status(url, response.status_code)
            return response

        async def get_async_response(self, url: str, *, allow_redirects: bool = True, **named: Any) -> Any:
            response = await super().get_async_response(url, allow_redirects=allow_redirects, **named)
            return _checked(response, functools.partial(check_status, url))

        def get_bytes(self, url: str, **named: Any) -> Any:
            try:
                return super().get_bytes(url, **named)
            except failures as error:
                raise refusal(url, reason_of(error)) from error

        async def async_get_bytes(self, url: str, **named: Any) -> Any:
            try:
                return await super().async_get_bytes(url, **named)
            except failures as error:
                raise refusal(url, reason_of(error)) from error

    return Connection


@asynccontextmanager
async def _checked(response: Any, check: Callable[[int], None]) -> AsyncIterator[Any]:
    """Wait for an answer of aiohttp's, and look at its status before it is given out."""
    async with response as answer:
        check(answer.status)
        yield answer


def reason_of(error: Exception) -> str:
    """Return the status that the host answered, or the kind of failure; nothing that tells of this machine."""
    status = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    return f"its host answers {status}" if status else type(error).__name__
