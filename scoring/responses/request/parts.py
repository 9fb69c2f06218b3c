"""The parts of a message and of a tool's output: one form for each kind, also for those of chat completions."""

import base64
import binascii
from typing import Any

from scoring.responses.request.values import invalid, list_of, members, missing, refused, shown, text, without_nulls

Part = dict[str, Any]
TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
DETAILS = ("low", "high", "auto", "original")
KNOWN = "input_text, output_text, refusal, input_image, input_file, input_audio or input_video"
_annotations = list_of(members({}), "a list")


def message_parts(given: list[Any], place: str, *, assistant: bool) -> list[Part]:
    """Read the parts of a message's content. Raises `Problem` (400) with a part's place."""
    return [_part(part, f"{place}.{at}", assistant) for at, part in enumerate(given)]


def output_parts(given: list[Any], place: str) -> list[Part]:
    """Read the parts of a tool's output."""
    return message_parts(given, place, assistant=False)


def text_part(words: str, *, assistant: bool) -> Part:
    """Return a text as a part: an assistant's has annotations and log probabilities."""
    if assistant:
        return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": words}


def _part(given: Any, place: str, assistant: bool) -> Part:
    if isinstance(given, str):
        return text_part(given, assistant=assistant)
    if not isinstance(given, dict):
        raise refused(place, given, "a part (an object)")
    part = without_nulls(given)
    kind = part.get("type", "text" if "text" in part else None)
    if kind is None:
        raise missing(f"{place}.type", KNOWN)
    if isinstance(kind, str) and kind in TEXTS:
        return _text(part, place, assistant)
    if kind == "refusal":
        return _refusal(part, place, assistant)
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise invalid(f"{place}.type", f"{place}.type must be {KNOWN}; {shown(kind)} was given.")
    read: Part = reader(part, place)
    return read


def _text(part: Part, place: str, assistant: bool) -> Part:
    if "text" not in part:
        raise missing(f"{place}.text", "a text")
    kept = {**text_part(text()(part["text"], f"{place}.text"), assistant=assistant)}
    if assistant:
        for name in ("annotations", "logprobs"):
            kept[name] = _annotations(part.get(name, []), f"{place}.{name}")
    return kept


def _refusal(part: Part, place: str, assistant: bool) -> Part:
    if "refusal" not in part:
        raise missing(f"{place}.refusal", "a text")
    words = text()(part["refusal"], f"{place}.refusal")
    return {"type": "refusal", "refusal": words} if assistant else text_part(words, assistant=False)


def _image(part: Part, place: str) -> Part:
    url = part.get("image_url")
    if isinstance(url, dict):  # as chat completions say it
        part = {**url, **part}
        url = url.get("url")
    if url is None:
        raise _not_kept(part, place, "image_url")
    detail = part.get("detail", "auto")
    if detail not in DETAILS:
        raise refused(f"{place}.detail", detail, ", ".join(DETAILS))
    return {"type": "input_image", "image_url": text(1)(url, f"{place}.image_url"), "detail": detail}


def _file(part: Part, place: str) -> Part:
    if "file_data" not in part:
        raise _not_kept(part, place, "file_data")
    name = text()(part.get("filename", ""), f"{place}.filename")
    data = text()(part["file_data"], f"{place}.file_data")
    if file_text(data) is None:
        raise invalid(f"{place}.file_data", f"{place}.file_data is no text, and only text can be read of a file here.")
    return {"type": "input_file", "filename": name, "file_data": data}


def _audio(part: Part, place: str) -> Part:
    sound = part.get("input_audio")
    check = members({"data": text(1), "format": text(1)}, required=("data", "format"))
    if sound is None:
        raise missing(f"{place}.input_audio", "an object with data and format")
    return {"type": "input_audio", "input_audio": check(sound, f"{place}.input_audio")}


def _video(part: Part, place: str) -> Part:
    url = part.get("video_url")
    if isinstance(url, dict):
        url = url.get("url")
    if url is None:
        raise _not_kept(part, place, "video_url")
    return {"type": "input_video", "video_url": text(1)(url, f"{place}.video_url")}


def _not_kept(part: Part, place: str, wanted: str) -> Exception:
    """Return the refusal of a part that only refers to a file or an address."""
    for name, why in (("file_id", "no files are kept here"), ("file_url", "files are not fetched here")):
        if name in part:
            return invalid(f"{place}.{name}", f"{place}.{name} cannot be read: {why}; send {wanted}.")
    return missing(f"{place}.{wanted}", "a text")


READERS = {
    "input_image": _image,
    "image_url": _image,
    "input_file": _file,
    "input_audio": _audio,
    "input_video": _video,
    "video_url": _video,
}


def file_text(data: str) -> str | None:
    """Return the text of a file: its Base64, with or without `data:…;base64,` before it; None if it is no text."""
    encoded = data.partition(",")[2] if data.startswith("data:") else data
    try:
        words = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return None if "\0" in words else words
