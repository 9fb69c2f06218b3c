"""The typed models against the documents they come from, to the field: both official ones and the two texts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from scoring.contracts.model_inference.chat_request import ChatRequest
from scoring.contracts.model_inference.embedding_requests import EmbeddingsRequest, ImageEmbeddingsRequest
from scoring.contracts.model_inference.results import ChatResult, EmbeddingsResult, ModelInfo
from scoring.web.api.parameters import API_VERSIONS

VERSIONS = ("2024-05-01-preview", "2025-04-01")
REQUEST_NAMES = {
    "/chat/completions": "ChatCompletionsOptions",
    "/embeddings": "EmbeddingsOptions",
    "/images/embeddings": "ImageEmbeddingsOptions",
}
ANSWER_NAMES = {
    "/chat/completions": "ChatCompletions",
    "/embeddings": "EmbeddingsResult",
    "/images/embeddings": "EmbeddingsResult",
    "/info": "ModelInfo",
}
REQUESTS: dict[str, type[BaseModel]] = {
    "/chat/completions": ChatRequest,
    "/embeddings": EmbeddingsRequest,
    "/images/embeddings": ImageEmbeddingsRequest,
}
ANSWERS: dict[str, type[BaseModel]] = {
    "/chat/completions": ChatResult,
    "/embeddings": EmbeddingsResult,
    "/images/embeddings": EmbeddingsResult,
    "/info": ModelInfo,
}
# What our models have beyond the official documents, and why.
WIDER = {
    "messages[].content[].content": "the reference names a part's payload so",
    "messages[].content[].detail": "the reference puts it beside that payload",
    "messages[].content[].type=image": "a content part's type in the reference",
    "messages[].content[].input_audio.data": "the documents leave out `input_audio` around it; clients send it",
    "messages[].content[].input_audio": "the same",
    "messages[].content[].input_audio.format": "the same",
    "messages[].content[].input_audio.format=wav": "the same",
    "messages[].content[].input_audio.format=mp3": "the same",
    "messages[].reasoning_content": "what an answer held may come back in the conversation",
}
# What the documents have and our models have elsewhere.
MOVED = {"messages[].content[].format", "messages[].content[].format=wav", "messages[].content[].format=mp3"}
Document = dict[str, Any]


def shared(repository: Path, *names: str) -> Path:
    path = repository.parent.joinpath("shared", *names)
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture(params=VERSIONS)
def official(request: pytest.FixtureRequest, repository: Path) -> Document:
    """The official document of one api-version."""
    path = shared(repository, "specs", "model-inference", request.param, "openapi.json")
    return {"version": request.param, **json.loads(path.read_text("utf-8-sig"))}


def official_paths(document: Document, schema: Document, path: str = "", depth: int = 0) -> Iterator[str]:
    """Yield every field below a schema as `messages[].role`, and every value of an enumeration as `….role=user`."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        yield from official_paths(document, document["definitions"][name] | {"name": name}, path, depth)
        return
    yield from (f"{path}={value}" for value in schema.get("enum", ()))
    if "discriminator" in schema and depth < 9:
        for kind in document["definitions"].values():
            if any(one["$ref"].endswith(f"/{schema['name']}") for one in kind.get("allOf", ())):
                yield f"{path}.{schema['discriminator']}={kind['x-ms-discriminator-value']}".lstrip(".")
                yield from official_paths(document, kind, path, depth + 1)
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}".lstrip(".")
        yield from official_paths(document, part, f"{path}.{name}".lstrip("."), depth + 1)
    if "items" in schema:
        yield from official_paths(document, schema["items"], f"{path}[]", depth + 1)


def our_paths(model: type[BaseModel]) -> set[str]:
    """Return the same of one of our models."""
    schema = model.model_json_schema()
    return set(schema_paths(schema, schema.get("$defs", {})))


def schema_paths(schema: Document, definitions: Document, path: str = "") -> Iterator[str]:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    yield from (f"{path}={value}" for value in schema.get("enum", [schema["const"]] if "const" in schema else ()))
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from schema_paths(branch, definitions, path)
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}".lstrip(".")
        yield from schema_paths(part, definitions, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from schema_paths(schema["items"], definitions, f"{path}[]")


@pytest.mark.parametrize("path", REQUEST_NAMES)
def test_every_field_of_a_request_is_in_the_model_and_no_other(official: Document, path: str) -> None:
    definition = official["definitions"][REQUEST_NAMES[path]]
    theirs = set(official_paths(official, definition)) - MOVED
    ours = our_paths(REQUESTS[path])
    # Two definitions that the document names without saying so in their schema: any content, any tool choice.
    any_of = {name for name in ours if name.startswith(("tool_choice", "messages[].content[]"))}
    assert theirs - ours == set()
    assert ours - theirs - any_of <= WIDER.keys()
    fields = REQUESTS[path].model_fields
    assert fields.keys() == definition["properties"].keys()
    assert [name for name, field in fields.items() if field.is_required()] == definition["required"]


@pytest.mark.parametrize("name", ["ChatMessageContentItem", "ChatCompletionsNamedToolChoice"])
def test_content_parts_and_tool_choices_are_in_the_model(official: Document, name: str) -> None:
    where = {"ChatMessageContentItem": "messages[].content[]", "ChatCompletionsNamedToolChoice": "tool_choice"}[name]
    theirs = set(official_paths(official, {"$ref": f"#/definitions/{name}"}, where)) - MOVED
    ours = {path for path in our_paths(ChatRequest) if path.startswith(where)}
    assert theirs - ours == set()
    presets = {f"tool_choice={word}" for word in ("auto", "none", "required")}
    assert ours - theirs - presets - {where} <= WIDER.keys()


@pytest.mark.parametrize("path", ANSWER_NAMES)
def test_every_field_of_an_answer_is_described(official: Document, path: str) -> None:
    theirs = set(official_paths(official, {"$ref": f"#/definitions/{ANSWER_NAMES[path]}"}))
    ours = our_paths(ANSWERS[path])
    assert {name for name in theirs if "=" not in name} - ours == set()


def test_every_field_of_the_mission_text_is_in_the_models(repository: Path) -> None:
    text = shared(repository, "mission", "azure-ai-model-inference-2025-04-01.txt").read_text()
    found = list(re.finditer(r"^(POST|GET):\s+(/\S+)\n(.*?)^⚐ Response \(200\)\n(.*?)^⚐ Response \(default\)",
                             text, re.MULTILINE | re.DOTALL))  # fmt: skip
    assert [one[2] for one in found] == [*REQUEST_NAMES, "/info"]
    for _, path, asked, answered in (one.groups() for one in found):
        if path in REQUESTS:
            theirs = {name.removeprefix("body.") for name in text_paths(asked) if name.startswith("body.")}
            assert theirs - our_paths(REQUESTS[path]) == set()
        assert set(text_paths(answered)) - our_paths(ANSWERS[path]) == set()


def text_paths(text: str) -> Iterator[str]:
    """Yield every field of a text such as `{ body: { messages: [ { role: enum , } , ] , } , }`."""
    stack: list[str] = []
    for line in (line.strip() for line in text.splitlines()):
        if line.endswith(":"):
            stack.append(line[:-1])
            yield ".".join(stack).replace(".[]", "[]")
        elif line == "[":
            stack.append("[]")
        elif line == "]":
            stack = stack[:-2]
        elif line == "}" and stack and stack[-1] != "[]":
            stack.pop()
        elif found := re.fullmatch(r"([\w-]+): \w+ ,", line):
            yield ".".join([*stack, found[1]]).replace(".[]", "[]")


def test_every_parameter_of_the_reference_is_in_the_model(repository: Path) -> None:
    text = shared(repository, "mission", "chat-completions-reference.txt").read_text()
    types = r"(?:number|integer|boolean|string|ChatCompletion\w+(?:\[\])?)"
    rows = re.compile(rf"^([a-z_]+) (?:True )?(?:{types} |{types}$|Sequences where)", re.MULTILINE)
    request = text.split("\nRequest Body\n")[1].split("\nResponses\n")[0]
    created = text.split("\nCreateChatCompletionRequest\n\nName Type")[1].split("\nChatCompletionRequestMessage\n")[0]
    known = set(ChatRequest.model_fields)
    assert {"messages", "temperature", "stop", "tools", "top_p"} <= set(rows.findall(request)) <= known
    assert {"messages", "seed", "tool_choice", "stream"} <= set(rows.findall(created)) <= known
    assert "2024-04-01-preview" in text
    assert "2024-04-01-preview" in API_VERSIONS
