"""Errors that gatelift raises on purpose; the command line catches them once.

GateliftError
├── SpecError          what the user wrote is wrong
├── NotReady           something outside is not there yet; trying again may help
│   └── TimedOut       it did not come to its end in the time given
├── Refused            something outside said no
│   ├── AccessDenied   because of who asked: no login, no role, no token, no access to the model
│   ├── NotFound       because it is not there
│   └── OperationFailed  it began and ended badly; `log` has the last lines
└── StalePlan          the live state moved since the plan was made
"""


class GateliftError(Exception):
    """Base of every deliberate error: `code` is stable for machines, `cause` says why, `hint` the way out."""

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
    """The text without what would move a terminal's cursor or change its colours: services quote what they get."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


class SpecError(GateliftError):
    """The spec is wrong: the message names file, line, field and value."""

    code = "invalid_spec"


class NotReady(GateliftError):
    """A service or operation has not come to its end in time."""

    code = "not_ready"


class TimedOut(NotReady):
    """Waiting ended before what was waited for."""

    code = "timed_out"


def still_running(what: str, seconds: float) -> TimedOut:
    """The error for an operation of Azure that has not come to its end."""
    hint = "run the command again and it waits on for the same operation; `gatelift down` ends it"
    return TimedOut(f"{what}: the operation still runs after {seconds:.0f} s", hint=hint, code="operation_timed_out")


class Refused(GateliftError):
    """Azure, the Hub or the emulator refused what was asked."""

    code = "refused"


class AccessDenied(Refused):
    """The one who asked may not: no login, no role, no token or no access to the model."""

    code = "access_denied"


class NotFound(Refused):
    """What was asked for does not exist."""

    code = "not_found"


class OperationFailed(Refused):
    """A long-running operation ended in failure; `log` carries the container's last lines."""

    code = "operation_failed"


class StalePlan(GateliftError):
    """The live state has moved since the plan was made."""

    code = "stale_plan"
