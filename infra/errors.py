"""Errors that gatelift raises on purpose; the command line catches them once.

GateliftError
├── SpecError          what the user wrote is wrong
├── NotReady           something outside is not there yet; trying again may help
└── Refused            something outside said no
"""


class GateliftError(Exception):
    """Base of every deliberate error: `code` is stable for machines, `hint` says the way out."""

    code = "gatelift_error"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code or self.code


class SpecError(GateliftError):
    """The spec is wrong: the message names file, line, field and value."""

    code = "invalid_spec"


class NotReady(GateliftError):
    """A service or operation has not come to its end in time."""

    code = "not_ready"


class Refused(GateliftError):
    """Azure, the Hub or the emulator refused what was asked."""

    code = "refused"
