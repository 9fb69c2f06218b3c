"""Log probabilities in the form of a response: each token and its likely others with their bytes."""

from typing import Any

from scoring.responses.events.chunks import TokenLogprob, TopLogprob


def responses_logprobs(tokens: list[TokenLogprob]) -> list[dict[str, Any]]:
    """Return those of a chat chunk as the parts and events of a response have them."""
    return [{**_one(token), "top_logprobs": [_one(other) for other in token.top_logprobs]} for token in tokens]


def of_text(logprobs: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Return those of the last tokens that spell the text, or all where none do: before them come tags that are cut."""
    spelt, left = text.encode(), logprobs
    while left:
        if b"".join(bytes(token["bytes"]) for token in left) == spelt:
            return left
        left = left[1:]
    return logprobs


def _one(token: TokenLogprob | TopLogprob) -> dict[str, Any]:
    spelt = token.bytes if token.bytes is not None else list(token.token.encode())
    return {"token": token.token, "logprob": token.logprob, "bytes": spelt}
