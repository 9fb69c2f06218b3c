"""One cause of an error of Azure, and what to do about it."""

from msgspec import Struct


class Diagnosis(Struct, frozen=True):
    """One cause of an error and what to do; it applies if the message contains one of `words`, or if there are none."""

    cause: str
    hint: str
    words: tuple[str, ...] = ()
    """In lower case."""


Causes = dict[str, tuple[Diagnosis, ...]]
"""The causes of each error code; the first whose words are in the message is the one."""
