"""The parts of an item as the content of a chat message."""

from typing import Any

from scoring.responses.request.parts import file_text

Part = dict[str, Any]


def chat_content(parts: list[Part]) -> str | list[Part]:
    """Return the content of a chat message: a text where there is no other part, else a list of parts."""
    told = [chat_part(part) for part in parts]
    if not told:
        return ""
    if len(told) == 1 and told[0]["type"] == "text":
        words: str = told[0]["text"]
        return words
    return told


def chat_part(part: Part) -> Part:
    """Return a kept part as chat completions of vLLM have it."""
    kind = part["type"]
    if kind == "input_image":
        image = {"url": part["image_url"]}
        if part.get("detail", "auto") in ("low", "high", "auto"):
            image["detail"] = part.get("detail", "auto")
        return {"type": "image_url", "image_url": image}
    if kind == "input_video":
        return {"type": "video_url", "video_url": {"url": part["video_url"]}}
    if kind == "input_audio":
        return {"type": "input_audio", "input_audio": part["input_audio"]}
    if kind == "input_file":
        return {"type": "text", "text": _file(part)}
    return {"type": "text", "text": part["refusal"] if kind == "refusal" else part["text"]}


def joined(contents: list[str | list[Part]], between: str) -> str | list[Part]:
    """Return several contents as one: a text where all are texts, else a list of all parts."""
    texts = [content for content in contents if isinstance(content, str)]
    if len(texts) == len(contents):
        return between.join(texts)
    return [part for content in contents for part in _as_parts(content)]


def _as_parts(content: str | list[Part]) -> list[Part]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content


def _file(part: Part) -> str:
    words = file_text(part["file_data"]) or ""
    return f"{part['filename']}:\n{words}" if part.get("filename") else words
