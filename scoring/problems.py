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


class Problem(Exception):
    """Why a request is refused; `code` is a stable word, `param` the field at fault."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        param: str | None = None,
        headers: Headers = (),
        retry_after: int | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES.get(status) or HTTPStatus(status).phrase.title().replace(" ", "")
        self.param = param
        self.details = details
        self.headers = list(headers)
        if retry_after is not None:
            # Azure hides 429 and 503 behind 424, which the openai client repeats only where this header says so.
            self.headers += [(b"retry-after", str(retry_after).encode()), (b"x-should-retry", b"true")]


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


def openai_error(problem: Problem) -> dict[str, Any]:
    """Return the error object of OpenAI's API as vLLM writes it (`code` is the status)."""
    return {
        "error": {
            "message": problem.message,
            "type": OPENAI_TYPES.get(problem.status, "InternalServerError"),
            "param": problem.param,
            "code": problem.status,
        }
    }
