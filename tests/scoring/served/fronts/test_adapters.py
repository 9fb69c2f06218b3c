"""Fine-tuned adapters (LoRA) on a real engine: each answers under its name on every surface, by vLLM's Python app."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from azure.ai.inference import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential
from openai import NotFoundError, OpenAI

from scoring.engine.fronts.binary import RustBinary
from tests.scoring.compliance import MODEL
from tests.scoring.processes import ScoringServer, wait_until
from tests.scripted_adapter import BRIEF
from tests.scripted_model import ANSWER

WHOLE = "".join(ANSWER)
SAID = [
    pytest.param(MODEL, WHOLE, id="model"),
    pytest.param("brief", BRIEF, id="adapter-that-changes-the-answer"),
    pytest.param("same", WHOLE, id="adapter-that-does-not"),
]
MESSAGES: Any = [{"role": "user", "content": "What?"}]
UNKNOWN = f"The model `nope` does not exist. Valid aliases: {MODEL}, brief, same."


@pytest.fixture(scope="module")
def url(scripted_server: ScoringServer) -> str:
    return scripted_server.base_url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=120) as one:
        yield one


def chat(client: OpenAI, url: str, model: str) -> str:
    return str(client.chat.completions.create(model=model, messages=MESSAGES).choices[0].message.content)


def stream(client: OpenAI, url: str, model: str) -> str:
    chunks = client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def completion(client: OpenAI, url: str, model: str) -> str:
    return "Here" + client.completions.create(model=model, prompt="Here").choices[0].text


def response(client: OpenAI, url: str, model: str) -> str:
    return str(client.responses.create(model=model, input="What?").output_text)


def score(client: OpenAI, url: str, model: str) -> str:
    answer = httpx.post(f"{url}/score", json={"model": model, "messages": MESSAGES}, timeout=60).json()
    return str(answer["choices"][0]["message"]["content"])


def azure(client: OpenAI, url: str, model: str) -> str:
    with ChatCompletionsClient(endpoint=url, credential=AzureKeyCredential("unused")) as one:
        answer = one.complete(messages=MESSAGES, model=model)
    assert answer.model == model
    return str(answer.choices[0].message.content)


@pytest.mark.parametrize("ask", [chat, stream, completion, response, score, azure])
@pytest.mark.parametrize(("model", "said"), SAID)
def test_each_name_answers_on_every_surface(
    client: OpenAI, url: str, ask: Callable[[OpenAI, str, str], str], model: str, said: str
) -> None:
    assert ask(client, url, model) == said


def test_all_of_them_run_side_by_side(client: OpenAI, url: str) -> None:
    models = [MODEL, "brief", "same"] * 4
    with ThreadPoolExecutor(len(models)) as pool:
        said = list(pool.map(lambda model: chat(client, url, model), models))
    assert said == [BRIEF if model == "brief" else WHOLE for model in models]


def test_they_are_in_the_list_with_their_parent(client: OpenAI) -> None:
    assert [(one.id, one.model_dump()["parent"]) for one in client.models.list()] == [
        (MODEL, None),
        ("brief", MODEL),
        ("same", MODEL),
    ]
    assert client.models.retrieve("brief").id == "brief"


@pytest.mark.parametrize("ask", [chat, stream, completion, response])
def test_an_unknown_name_is_refused_with_those_that_are_known(
    client: OpenAI, url: str, ask: Callable[[OpenAI, str, str], str]
) -> None:
    with pytest.raises(NotFoundError) as refused:
        ask(client, url, "nope")
    assert json.loads(refused.value.response.text)["error"]["message"] == UNKNOWN


def test_an_unknown_name_is_refused_by_azures_routes_too(url: str) -> None:
    body = {"model": "nope", "messages": MESSAGES}
    answer = httpx.post(f"{url}/chat/completions?api-version=2024-05-01-preview", json=body, timeout=60)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, UNKNOWN)
    assert httpx.get(f"{url}/v1/models/nope").json()["error"]["message"] == UNKNOWN


@pytest.mark.parametrize("path", ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"])
def test_nothing_is_loaded_into_one_instance_alone(url: str, path: str) -> None:
    assert httpx.post(url + path, json={"lora_name": "brief", "lora_path": "/tmp"}).status_code == 404  # noqa: S108


def test_the_rust_front_answers_for_the_model_alone(
    client: OpenAI, url: str, scripted_server: ScoringServer, rust_binary: RustBinary
) -> None:
    before = len(scripted_server.lines)
    for model in (MODEL, "brief"):
        completion(client, url, model)

    def fronts() -> dict[str, str]:
        lines = [json.loads(line) for line in scripted_server.lines[before:] if line.startswith('{"route"')]
        return {line["model"]: line["front"] for line in lines}

    wait_until(lambda: len(fronts()) > 1)
    assert fronts() == {MODEL: "rust", "brief": "python"}
