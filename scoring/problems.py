"""A request that cannot be answered as asked: status, words and code, before a surface puts them into its own shape."""

from http import HTTPStatus
from typing import Any

from scoring.asgi import Headers

CODES = {
    400: "BadRequest",
    413: "RequestTooLarge",
    422: "UnprocessableContent",
    429: "TooManyRequests",
    500: "InternalServerError",
}

INVALID = "invalid_request_error"  # OpenAI's type of a refusal on the Responses and Conversations APIs
# vLLM's own names for OpenAI's error types, so that a client meets one vocabulary on /v1.
OPENAI_TYPES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
    408: "RequestTimeoutError",
    413: "RequestTooLargeError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
}

LONGEST_MESSAGE = 600  # characters of an error: clients send names of megabytes, which nobody wants back
LONGEST_VALUE = 200
MOST_VALUES = 20
RETRY_SECONDS = 5  # after which a client may ask again where nothing better is known


class Problem(Exception):
    """Why a request is refused: `code` is a stable word, `param` the field at fault, `kind` OpenAI's type of it.

    Whatever is long is cut; what is not given follows from `status`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        kind: str = "",
        param: str | None = None,
        headers: Headers = (),
        retry_after: int | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        message = shortened(message)
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES.get(status) or HTTPStatus(status).phrase.title().replace(" ", "")
        self.kind = kind or OPENAI_TYPES.get(status, "InternalServerError")
        self.param = param if param is None else shortened(param, LONGEST_VALUE)
        self.details = None if details is None else _shortened_all(details)
        self.headers = list(headers)
        if retry_after is not None:
            # Azure hides 429 and 503 behind 424, which the openai client repeats only where this header says so.
            self.headers += [(b"retry-after", str(retry_after).encode()), (b"x-should-retry", b"true")]


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """Return a text of at most so many characters: what is too much is left out before its last fifth."""
    if len(text) <= most:
        return text
    end = most // 5
    return f"{text[: most - end - 1]}…{text[-end:]}"


def _shortened_all(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, LONGEST_VALUE)
    if isinstance(value, list):
        return [_shortened_all(item) for item in value[:MOST_VALUES]]
    if isinstance(value, dict):
        return {_shortened_all(name): _shortened_all(item) for name, item in list(value.items())[:MOST_VALUES]}
    return value


def openai_error(problem: Problem) -> dict[str, Any]:
    """Return the error object of OpenAI's API as vLLM writes it (`code` is the status)."""
    return {
        "error": {
            "message": problem.message,
            "type": problem.kind,
            "param": problem.param,
            "code": problem.status,
        }
    }
