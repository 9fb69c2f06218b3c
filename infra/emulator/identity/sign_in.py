"""The refusals of Entra's token endpoint."""

import uuid
from datetime import UTC, datetime


class SignInError(Exception):
    """A refusal of the token endpoint: OAuth's error code and Entra's AADSTS number."""

    def __init__(self, error: str, number: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        self.status = status
        self.body = {
            "error": error,
            "error_description": f"AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {moment}",
            "error_codes": [number],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
        }
