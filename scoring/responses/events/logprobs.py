"""Log probabilities in the form of a response: each token and its likely others with their bytes."""

from itertools import accumulate
from typing import Any

from scoring.responses.events.chunks import TokenLogprob, TopLogprob


def responses_logprobs(tokens: list[TokenLogprob]) -> list[dict[str, Any]]:
    """Return those of a chat chunk as the parts and events of a response have them."""
    return [{**_one(token), "top_logprobs": [_one(other) for other in token.top_logprobs]} for token in tokens]


def of_text(logprobs: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Return those of the tokens that spell the text, or all where none do: tags that are cut come with its tokens."""
    edges = list(accumulate((len(token["bytes"]) for token in logprobs), initial=0))
    spelt = text.encode()
    begin = b"".join(bytes(token["bytes"]) for token in logprobs).rfind(spelt)
    if begin not in edges or begin + len(spelt) not in edges:
        return logprobs
    return logprobs[edges.index(begin) : edges.index(begin + len(spelt))]


def _one(token: TokenLogprob | TopLogprob) -> dict[str, Any]:
    spelt = token.bytes if token.bytes is not None else list(token.token.encode())
    return {"token": token.token, "logprob": token.logprob, "bytes": spelt}
