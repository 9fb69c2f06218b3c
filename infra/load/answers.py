"""What an answer of an endpoint means: Azure's front end hides the container's own status behind 424."""

from collections.abc import Mapping

from msgspec import Struct

MODEL_STATUS, MODEL_REASON = "ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason"
HIDDEN = 424
BUSY = frozenset({429, 502, 503, 504})
"""What passes by itself, whoever answers it: asking again may help."""


class Outcome(Struct, frozen=True):
    """The status that counts, and whether the container gave it or the front end did."""

    status: int
    by_container: bool
    retry_after: str = ""

    @property
    def may_pass(self) -> bool:
        """Whether asking again may help; 424 alone means that no instance was ready."""
        return self.status in BUSY or (self.status == HIDDEN and not self.by_container)

    def __str__(self) -> str:
        return f"{self.status} (from the container)" if self.by_container else str(self.status)


def outcome(status: int, headers: Mapping[str, str]) -> Outcome:
    """Read an answer's status; `headers` is a mapping that ignores case, such as httpx's."""
    own = headers.get(MODEL_STATUS, "") if status == HIDDEN else ""
    retry_after = headers.get("retry-after", "")
    return (
        Outcome(int(own), True, retry_after)
        if own.isdecimal() and len(own) == 3
        else Outcome(status, False, retry_after)
    )
