"""The keys that encrypt what clients keep and cannot read: SCORING_RESPONSES_KEY."""

from collections.abc import Mapping

from scoring.errors import BadSettings

NAME = "SCORING_RESPONSES_KEY"
SHORTEST = 16  # characters: who guesses a key reads what was sealed, and makes what we take for our own


def read_sealing_keys(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Read the keys, separated by spaces: the first seals, all open. Raises `BadSettings`, which shows none."""
    keys = tuple((environ.get(NAME) or "").split())
    if any(len(key) < SHORTEST for key in keys):
        raise BadSettings(
            f"{NAME} has a key of less than {SHORTEST} characters", hint="make one with `openssl rand -hex 32`"
        )
    return keys
