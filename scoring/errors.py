"""What the scoring server raises on purpose.

ScoringError
├── BadSettings      an argument or an environment variable is wrong
├── WeightsMissing   the model's files cannot be had
└── EngineFailed     vLLM did not start
"""


class ScoringError(Exception):
    """Base of every error raised on purpose; `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadSettings(ScoringError):
    """An argument or an environment variable cannot be used."""


class WeightsMissing(ScoringError):
    """The model's files are not there and cannot be fetched."""


class EngineFailed(ScoringError):
    """The engine did not come up, or did not produce a first token."""
