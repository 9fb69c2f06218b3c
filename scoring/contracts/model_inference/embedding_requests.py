"""What Azure's `/embeddings` and `/images/embeddings` take, and the same in vLLM's words."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from scoring.contracts.embeddings import EmbeddingFacts, embeddings_for_vllm
from scoring.contracts.model_inference.answers import embeddings
from scoring.contracts.model_inference.request_model import AtLeastOne, Document, RequestModel, unprocessable

BITS = {"ubinary": 0, "binary": 128}  # what is taken off each byte: `binary` is of signed ones
UNSCALED = ("int8", "uint8")

Encoding = Literal["float", "base64", "binary", "int8", "uint8", "ubinary"]
Dimensions = Annotated[int, Field(ge=1)]
InputType = Literal["text", "query", "document"]


class EmbeddingsRequest(RequestModel):
    """Texts to embed, one vector each."""

    input: str | AtLeastOne[str]
    model: str | None = Field(None, description="Not read: the server has one embedding model.")
    dimensions: Dimensions | None = None
    encoding_format: Encoding | None = None
    input_type: InputType | None = None


class ImageInput(RequestModel):
    """An image as a data URL, and words that belong to it."""

    image: str
    text: str | None = None


class ImageEmbeddingsRequest(RequestModel):
    """Images to embed, one vector each."""

    input: AtLeastOne[ImageInput]
    model: str | None = Field(None, description="Not read: the server has one embedding model.")
    dimensions: Dimensions | None = None
    encoding_format: Encoding | None = None
    input_type: InputType | None = None


def images_for_vllm(document: Document, facts: EmbeddingFacts) -> Document:
    """Turn each `{"image": data URL, "text": …}` into a conversation of its own: vLLM embeds those one by one.

    Raises `Problem` (422) for an image that is no data URL.
    """
    rest = embeddings_for_vllm({name: value for name, value in document.items() if name != "input"}, facts)
    return {**rest, "messages": [[_message(item)] for item in document["input"]]}


def encoded_for_vllm(document: Document) -> tuple[Document, Callable[[Document], Document]]:
    """Return the request in an encoding that vLLM writes, and what turns its answer into Azure's in the one asked for.

    Raises `Problem` (422) for int8 and uint8.
    """
    encoding = document.get("encoding_format", "float")
    if encoding in UNSCALED:
        raise unprocessable(
            ("encoding_format",),
            "can be float, base64, binary or ubinary: int8 and uint8 need ranges measured over all your vectors",
            encoding,
        )
    if encoding not in BITS:
        return document, embeddings
    return {**document, "encoding_format": "float"}, lambda answer: _packed(embeddings(answer), BITS[encoding])


def _packed(answer: Document, offset: int) -> Document:
    """Keep one bit of each number, whether it is above zero, eight to a byte, the first in its highest bit."""
    data = [{**item, "embedding": [byte - offset for byte in _bits(item["embedding"])]} for item in answer["data"]]
    return {**answer, "data": data}


def _bits(vector: list[float]) -> bytes:
    digits = "".join("1" if number > 0 else "0" for number in vector)
    digits += "0" * (-len(digits) % 8)
    return int(digits or "0", 2).to_bytes(len(digits) // 8, "big")


def _message(item: Document) -> Document:
    if not item["image"].startswith("data:image/"):
        raise unprocessable(("input", "image"), "must be a data URL, data:image/png;base64,…", item["image"])
    parts: list[Document] = [{"type": "image_url", "image_url": {"url": item["image"]}}]
    if item.get("text"):
        parts.append({"type": "text", "text": item["text"]})
    return {"role": "user", "content": parts}
