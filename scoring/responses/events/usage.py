"""Tokens of a response, added up over its chat answers."""

from typing import Any

from scoring.responses.events.chunks import ChatUsage


class Usage:
    """What has been counted; `said` is in the words of the response object."""

    def __init__(self) -> None:
        self._before = [0, 0, 0, 0, 0]  # of the answers that have ended
        self._now: ChatUsage | None = None
        self._reasoning = 0

    def see(self, usage: ChatUsage, *, reasons: bool) -> None:
        """Take the newest count of the answer that is under way; `reasons` tells that it comes with reasoning."""
        self._now = usage
        details = usage.completion_tokens_details
        if details is not None and details.reasoning_tokens is not None:
            self._reasoning = details.reasoning_tokens
        elif reasons:
            self._reasoning = usage.completion_tokens or 0

    def next_answer(self) -> None:
        """Begin to count another answer of the same response."""
        self._before, self._now, self._reasoning = self._sum(), None, 0

    @property
    def output_tokens(self) -> int:
        """How many tokens the model has made."""
        return self._sum()[3]

    def _sum(self) -> list[int]:
        now = self._now
        if now is None:
            return self._before
        known = now.prompt_tokens_details
        cached = ((known.cached_tokens or 0), (known.created_cache_tokens or 0)) if known else (0, 0)
        counts = (now.prompt_tokens, *cached, now.completion_tokens or 0, self._reasoning)
        return [before + count for before, count in zip(self._before, counts, strict=True)]

    def said(self) -> dict[str, Any] | None:
        """Return the usage so far; None where the engine has not told any."""
        read, cached, written, answered, reasoning = self._sum()
        if not read:
            return None
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": reasoning},
            "total_tokens": read + answered,
        }
