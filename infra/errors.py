"""Errors that gatelift raises on purpose; the command line catches them in one place.

GateliftError
├── SpecError            the spec is wrong
├── NotReady             a service is not ready or did not answer; trying again may help
│   └── TimedOut         an operation did not finish in time
├── Refused              Azure, the Hub or the emulator refused a request
│   ├── AccessDenied     because of the caller: no login, no role, no token, no access to the model
│   ├── NotFound         because the resource does not exist
│   └── OperationFailed  or started an operation that failed; `log` has the container's last lines
└── StalePlan            the live state has changed since the plan was made
"""


class GateliftError(Exception):
    """Base of every deliberate error: `code` is stable, `cause` says why it happened, `hint` what to do."""

    code = "gatelift_error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        cause: str = "",
        request_id: str = "",
        log: tuple[str, ...] = (),
    ) -> None:
        super().__init__(printable(message))
        self.hint = hint
        self.code = code or self.code
        self.cause = printable(cause)
        self.request_id = request_id
        self.log = tuple(printable(line) for line in log)


def printable(text: str) -> str:
    """The text without control characters: services quote what they were sent, and it must not control the terminal."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


class SpecError(GateliftError):
    """The spec is wrong: the message names file, line, field and value."""

    code = "invalid_spec"


class NotReady(GateliftError):
    """A service is not ready, or did not answer."""

    code = "not_ready"


class TimedOut(NotReady):
    """An operation did not finish in the time that was given."""

    code = "timed_out"


def still_running(what: str, seconds: float) -> TimedOut:
    """The error for a long-running operation that did not finish in time."""
    hint = "run the command again to keep waiting for the same operation; `gatelift down` removes what it creates"
    return TimedOut(
        f"{what}: the operation is still running after {seconds:.0f} s", hint=hint, code="operation_timed_out"
    )


class Refused(GateliftError):
    """Azure, the Hub or the emulator refused what was asked."""

    code = "refused"


class AccessDenied(Refused):
    """The caller has no login, no role, no token, or no access to the model."""

    code = "access_denied"


class NotFound(Refused):
    """The resource does not exist."""

    code = "not_found"


class OperationFailed(Refused):
    """A long-running operation failed; `log` has the last lines of the container's log."""

    code = "operation_failed"


class StalePlan(GateliftError):
    """The live state has changed since the plan was made."""

    code = "stale_plan"
