"""A request of OpenAI's API on its way to vLLM: its own words, but for what vLLM cannot read."""

from typing import Any

from scoring.contracts.responses_input import check_items, readable_input

Document = dict[str, Any]


def openai_for_vllm(document: Document, name: str) -> Document:
    """Return the same object, or one whose blank `model` is the served one's name."""
    model = document.get("model", "")
    if model is None or (isinstance(model, str) and not model.strip()):
        return {**document, "model": name}
    return document


def responses_for_vllm(document: Document, name: str) -> Document:
    """Return a request that vLLM can read; raises `Problem` (400) for an item of a long input that it cannot."""
    document = openai_for_vllm(document, name)
    if "input" not in document:
        return document
    readable = readable_input(document["input"])
    check_items(readable)
    return {**document, "input": readable}
