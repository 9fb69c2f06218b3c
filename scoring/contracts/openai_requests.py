"""A request of OpenAI's API on its way to vLLM: its own words, but for what vLLM cannot read."""

from typing import Any

from scoring.problems import Problem

Document = dict[str, Any]


def check_named(document: Document, name: str) -> None:
    """Raise `Problem` (400) where there is no member `model`, which OpenAI's document requires; it may be blank."""
    if "model" not in document:
        raise Problem(400, f'model must be given; it may be "" for the one served here, {name}.', param="model")


def openai_for_vllm(document: Document, name: str) -> Document:
    """Return the same object, or one without null members and with the served name where `model` is blank.

    What is null in a message counts as not given, too: vLLM refuses `"name": null`.
    """
    model = document.get("model", "")
    if isinstance(model, str) and not model.strip():
        document = {**document, "model": name}
    if None in document.values():  # "not given": vLLM refuses some of them, and takes others for a value
        document = {member: value for member, value in document.items() if value is not None}
        document.setdefault("model", name)
    messages = document.get("messages")
    if isinstance(messages, list) and any(map(_has_null, messages)):
        document = {**document, "messages": [_without_nulls(message) for message in messages]}
    return document


def _has_null(message: Any) -> bool:
    """Whether a member is null but `content`: vLLM takes that of some roles and refuses it of others."""
    if not isinstance(message, dict) or None not in message.values():
        return False
    return any(value is None and member != "content" for member, value in message.items())


def _without_nulls(message: Any) -> Any:
    if not _has_null(message):
        return message
    return {member: value for member, value in message.items() if value is not None or member == "content"}
