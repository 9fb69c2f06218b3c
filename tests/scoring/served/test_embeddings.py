"""Embeddings of texts (MiniLM, real) and images (CLIP, random), beside a chat model in the same process."""

import base64
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from azure.ai.inference import EmbeddingsClient, ImageEmbeddingsClient
from azure.ai.inference.models import ImageEmbeddingInput
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from openai import BadRequestError, OpenAI

VERSION = "?api-version=2024-05-01-preview"


def cosine(one: Any, other: Any) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


def png(width: int, height: int, colour: tuple[int, int, int], rows: int | None = None) -> str:
    """Return the data URL of a picture in one colour, with fewer rows in it than it claims where told so."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + bytes(colour) * width) * (height if rows is None else rows)))
    picture = b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


@pytest.fixture(scope="module")
def openai_embeddings(embedding_server: Any) -> Iterator[OpenAI]:
    """OpenAI's client of the server with MiniLM."""
    with OpenAI(base_url=f"{embedding_server.base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def azure_embeddings(embedding_server: Any) -> Iterator[EmbeddingsClient]:
    """Azure's client of the server with MiniLM."""
    with EmbeddingsClient(endpoint=embedding_server.base_url, credential=AzureKeyCredential("unused")) as client:
        yield client


@pytest.fixture(scope="module")
def azure_images(image_server: Any) -> Iterator[ImageEmbeddingsClient]:
    """Azure's client of the server with CLIP."""
    with ImageEmbeddingsClient(endpoint=image_server.base_url, credential=AzureKeyCredential("unused")) as client:
        yield client


def test_texts_of_one_meaning_lie_close_together(openai_embeddings: OpenAI) -> None:
    answer = openai_embeddings.embeddings.create(
        model="minilm", input=["a cat", "a kitten", "the stock market fell"], encoding_format="float"
    )
    assert [item.index for item in answer.data] == [0, 1, 2]
    cat, kitten, stocks = (item.embedding for item in answer.data)
    assert len(cat) == 384
    assert math.hypot(*cat) == pytest.approx(1.0, abs=1e-4)
    assert cosine(cat, kitten) > 0.6
    assert cosine(cat, stocks) < 0.3
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


def test_base64_holds_the_same_numbers(openai_embeddings: OpenAI) -> None:
    as_floats = openai_embeddings.embeddings.create(model="minilm", input="a cat", encoding_format="float")
    as_text = openai_embeddings.embeddings.create(model="minilm", input="a cat", encoding_format="base64")
    packed = base64.b64decode(str(as_text.data[0].embedding))
    assert struct.unpack(f"<{len(packed) // 4}f", packed) == pytest.approx(as_floats.data[0].embedding, abs=1e-5)


def test_tokens_and_the_default_encoding_of_the_client(openai_embeddings: OpenAI) -> None:
    answer = openai_embeddings.embeddings.create(model="minilm", input=[[101, 1037, 4937, 102]])
    assert len(answer.data[0].embedding) == 384


def test_the_models_own_size_may_be_asked_for(openai_embeddings: OpenAI, azure_embeddings: EmbeddingsClient) -> None:
    answer = openai_embeddings.embeddings.create(model="minilm", input="a cat", dimensions=384)
    assert len(answer.data[0].embedding) == 384
    assert len(azure_embeddings.embed(input=["a cat"], dimensions=384).data[0].embedding) == 384


def test_bits_are_the_signs_of_the_numbers(azure_embeddings: EmbeddingsClient) -> None:
    numbers = azure_embeddings.embed(input=["a cat"]).data[0].embedding
    for encoding, offset in (("ubinary", 0), ("binary", 128)):
        packed = azure_embeddings.embed(input=["a cat"], encoding_format=encoding).data[0].embedding
        bits = "".join(f"{int(byte) + offset:08b}" for byte in packed)
        assert [bit == "1" for bit in bits] == [number > 0 for number in numbers]


@pytest.mark.parametrize("input_type", ["text", "query", "document"])
def test_a_model_without_prompts_embeds_queries_and_documents_alike(
    openai_embeddings: OpenAI, azure_embeddings: EmbeddingsClient, input_type: str
) -> None:
    plain = openai_embeddings.embeddings.create(model="minilm", input="a cat", encoding_format="float")
    typed = openai_embeddings.embeddings.create(
        model="minilm", input="a cat", encoding_format="float", extra_body={"input_type": input_type}
    )
    azure = azure_embeddings.embed(input=["a cat"], input_type=input_type)
    assert typed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-5)
    assert azure.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-5)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"dimensions": 128}, "dimensions", id="dimensions-of-a-model-that-has-one-size"),
        pytest.param({"input": "word " * 1000}, "256", id="too-long"),
        pytest.param({"encoding_format": "int4"}, "encoding_format", id="unknown-encoding"),
        pytest.param({"input": []}, "at least one", id="nothing"),
    ],
)
def test_what_the_model_cannot_do_is_refused(openai_embeddings: OpenAI, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        openai_embeddings.embeddings.create(**{"model": "minilm", "input": "a cat", **fields})


def test_azures_client_gets_the_vectors(azure_embeddings: EmbeddingsClient) -> None:
    answer = azure_embeddings.embed(input=["a cat", "a kitten"])
    assert answer.model == "minilm"
    assert [item.index for item in answer.data] == [0, 1]
    assert cosine(answer.data[0].embedding, answer.data[1].embedding) > 0.6
    packed = azure_embeddings.embed(input=["a cat"], encoding_format="base64").data[0].embedding
    assert isinstance(packed, str)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"dimensions": 128}, "dimensions", id="dimensions"),
        pytest.param({"input": ["a cat"] * 2049}, "at most 2048 inputs", id="too-many"),
        pytest.param({"encoding_format": "int8"}, "encoding_format", id="encoding"),
        pytest.param({"input_type": "poem"}, "input_type", id="input-type"),
    ],
)
def test_azures_client_hears_what_the_model_cannot_do(
    azure_embeddings: EmbeddingsClient, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(HttpResponseError, match=words) as caught:
        azure_embeddings.embed(**{"input": ["a cat"], **fields})
    assert caught.value.status_code == 422


def test_images_have_vectors_of_their_own(azure_images: ImageEmbeddingsClient) -> None:
    red, blue = png(20, 30, (255, 0, 0)), png(64, 64, (0, 0, 255))
    answer = azure_images.embed(input=[ImageEmbeddingInput(image=image) for image in (red, blue, red)])
    vectors = [item.embedding for item in answer.data]
    assert [len(vector) for vector in vectors] == [128, 128, 128]
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-5)
    assert cosine(vectors[0], vectors[1]) < 0.99


@pytest.mark.parametrize(
    ("image", "text", "words"),
    [
        pytest.param("https://127.0.0.1/a.png", None, "data URL", id="address"),
        pytest.param("data:image/png;base64,AAAA", None, "image", id="no-picture"),
        pytest.param(png(13_000, 13_000, (1, 2, 3), rows=1), None, "pixels", id="too-many-pixels"),
        pytest.param(png(8, 8, (1, 2, 3)), "with words", "not both", id="text-that-clip-cannot-join"),
    ],
)
def test_images_that_cannot_be_embedded_are_refused(
    azure_images: ImageEmbeddingsClient, image: str, text: str | None, words: str
) -> None:
    with pytest.raises(HttpResponseError, match=words) as caught:
        azure_images.embed(input=[ImageEmbeddingInput(image=image, text=text)])
    assert caught.value.status_code == 422


def test_both_engines_answer_and_count(embedding_server: Any, openai_embeddings: OpenAI) -> None:
    base = embedding_server.base_url
    chat = openai_embeddings.chat.completions.create(
        model="random", messages=[{"role": "user", "content": "Hello"}], max_tokens=8
    )
    assert chat.usage is not None
    assert chat.usage.completion_tokens > 0
    openai_embeddings.embeddings.create(model="minilm", input="a cat")
    assert [model.id for model in openai_embeddings.models.list()] == ["random", "minilm"]
    lines = httpx.get(f"{base}/metrics").text.splitlines()
    for name in ("random", "minilm"):
        counted = [line for line in lines if line.startswith("vllm:prompt_tokens_total") and f'"{name}"' in line]
        assert len(counted) == 1, name
        assert float(counted[0].rpartition(" ")[2]) > 0
    types = [line for line in lines if line.startswith("# TYPE vllm:")]
    assert len(types) == len(set(types))
    served = httpx.get(f"{base}/openapi.json", timeout=60).json()["paths"]
    assert {"/v1/chat/completions", "/v1/embeddings", "/embeddings"} <= served.keys()
    assert "/images/embeddings" not in served
