"""The errors that several services of the emulator answer with."""

from typing import Any


class ServiceError(Exception):
    """An HTTP error in the body that every Azure service uses: `{"error": {code, message, target, details}}`."""

    def __init__(
        self, status: int, code: str, message: str, *, target: str = "", details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(f"({code}) {message}")
        self.status = status
        self.headers: dict[str, str] = {}
        self.error: dict[str, Any] = {"code": code, "message": message}
        if target:
            self.error["target"] = target
        if details is not None:
            self.error["details"] = details


class Throttled(ServiceError):
    """429: the principal has used up its request rate; `seconds` is the value of Retry-After."""

    def __init__(self, seconds: int) -> None:
        message = f"The request is being throttled as the limit has been reached. Try again after {seconds} seconds."
        super().__init__(429, "TooManyRequests", message)
        self.headers["retry-after"] = str(seconds)


class DeploymentFailed(Exception):
    """A deployment could not be brought up: `code` and `message` become the error of its long-running operation."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"({code}) {message}")
        self.code = code
        self.message = message
