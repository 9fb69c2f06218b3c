"""The model card: what it says, when it says it, and that it tells all that the seed's card tells."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from infra.resources.model_card import ModelCard, notice

CARD = ModelCard("org/model", "a" * 40, True, "short-name", "1.2.3", "Token", "KEY", "https://hub/org/model")
REPOSITORY = Path(__file__).parents[3]
# A card of Azure's catalog, as the page shows it; shared beside the project.
SHARED = Path(os.environ.get("GATELIFT_SHARED", REPOSITORY.parent / "shared"))
SEED = SHARED / "mission" / "model-card-random-gated-chat-completion.txt"
SEED_MODEL = "azure-testing/random-gated-chat-completion"
PAYLOAD = re.compile(r"^\{$.*?^\}$", re.MULTILINE | re.DOTALL)
CURL = re.compile(r"^curl .*?(?=\n\n|\n```|\nSupported)", re.MULTILINE | re.DOTALL)
PARAMETER = re.compile(r"^\s*[•-] `?(\w+)`? \(([^)]+)\)", re.MULTILINE)


def payloads(text: str) -> list[Any]:
    return [json.loads(found) for found in PAYLOAD.findall(text)]


def calls(text: str) -> Iterator[tuple[str, Any, list[str]]]:
    """Of each curl call: its URL, the body, and the headers."""
    for call in CURL.findall(text):
        body = re.search(r"-d '(.*?)'", call)
        assert body is not None
        yield call.split()[1], json.loads(body[1]), sorted(re.findall(r'-H "([^"]+)"', call))


def sections(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


@pytest.fixture
def seed() -> str:
    if not SEED.exists():
        pytest.skip(f"the seed's card is not at hand: GATELIFT_SHARED is the folder with mission/{SEED.name}")
    return SEED.read_text(encoding="utf-8")


@pytest.fixture
def ours() -> str:
    """Our card of the seed's model."""
    where = ("HuggingFaceTokenConnection", "HF_TOKEN", f"https://huggingface.co/{SEED_MODEL}")
    card = ModelCard(SEED_MODEL, "a" * 40, True, SEED_MODEL, "0.32.0", *where, reasoning=True, license="mit")
    return notice(SEED_MODEL, "2026-01-16T00:00:00.000Z") + replace(card, updated="January 2026").text


def test_payloads_and_calls_are_those_of_the_seed(seed: str, ours: str) -> None:
    assert payloads(ours) == payloads(seed)
    assert len(payloads(seed)) == 2
    assert list(calls(ours)) == list(calls(seed))
    assert len(list(calls(seed))) == 2


def test_each_section_of_the_seed_is_there_with_its_parameters(seed: str, ours: str) -> None:
    ours_lower = [section.lower() for section in sections(ours)]
    for title in ("Chat Completions API", "Responses API"):
        start, after = seed.index(f"\n{title}\n"), ours.index(f"## {title}\n")
        for part in ("send request", "supported parameters", "example payload"):
            assert part in seed[start:].lower()
            assert part in ours[after:].lower()
    for title in ("Gated Model Access Required", "Model Specifications"):
        assert title in seed
        assert title.lower() in ours_lower
    known = {"str or array": "string or array"}
    assert PARAMETER.findall(ours) == [(name, known.get(kind, kind)) for name, kind in PARAMETER.findall(seed)]
    assert [name for name, _ in PARAMETER.findall(seed)] == ["model", "messages", "model", "input"]


# The first words of each statement of the seed, and what it and ours both have to say.
STATEMENTS: dict[str, str] = {
    "Invisible": "invisible, 2026-01-16t00:00:00.000z, invisibleuntil, switch to visible, removed",
    "Gated Model": "special access approval, hugging face, authors",
    "  1. ": "request access, model page",
    "  2. ": "custom keys workspace connection, huggingfacetokenconnection, hf_token, read or fine-grained, secret",
    "  3. ": "managed online endpoint, enforce_access_to_default_secret_stores, enabled",
    "  4. ": "deploy",
    "The rest of the parameters": "optional, openai chat completion, /openapi.json, stream",
    "Alternatively": "reasoning model, openai responses api, recommended, chat completions api",
    "  • input": "list of messages, conversation so far, text, audio",
    "License": "license, mit",
    "Last Updated": "last updated, january 2026",
    "Provider": "provider, hugging face",
}


@pytest.mark.parametrize("begins", STATEMENTS)
def test_what_the_seed_says_is_said(seed: str, ours: str, begins: str) -> None:
    begun = begins.replace("  • input", "  • input (str or array)")
    line = next(line for line in seed.splitlines() if line.startswith(begun)).lower()
    said = " ".join(ours.lower().replace("`", "").split())
    for fact in STATEMENTS[begins].split(", "):
        assert fact in line
        assert fact in said


@pytest.mark.parametrize("gated", [True, False])
def test_the_card_says_how_to_get_access_only_where_that_is_needed(gated: bool) -> None:
    text = replace(CARD, gated=gated).text
    assert text.startswith("# org/model\n\nServed by vLLM 1.2.3 on Azure Machine Learning, from commit `aaaa")
    assert ("Gated Model Access Required" in sections(text), "`KEY`" in text) == (gated, gated)
    assert {body["model"] for _, body, _ in calls(text)} == {"short-name"} == {p["model"] for p in payloads(text)}


@pytest.mark.parametrize("reasoning", [True, False])
def test_the_responses_api_is_recommended_for_models_that_reason(reasoning: bool) -> None:
    text = replace(CARD, reasoning=reasoning).text
    assert ("is recommended for it" in text, '"reasoning"' in text) == (reasoning, reasoning)
    assert ["reasoning" in payload for payload in payloads(text)] == [False, reasoning]


def test_a_model_with_images_is_not_said_to_refuse_them() -> None:
    assert "images and audio are refused" in CARD.text
    assert "are refused" not in replace(CARD, task="image-text-to-text").text


def test_an_embedding_model_has_the_api_that_it_serves() -> None:
    text = replace(CARD, task="feature-extraction").text
    assert [url for url, _, _ in calls(text)] == ["<AZUREML_ENDPOINT_URL>/v1/embeddings"]
    assert "Chat Completions" not in text


def test_an_entry_that_is_hidden_says_until_when() -> None:
    assert notice("org/model", None) == ""
    assert "until 2026-01-16T00:00:00.000Z" in notice("org/model", "2026-01-16T00:00:00.000Z")


@pytest.mark.parametrize("field", [name for name in ModelCard.__struct_fields__ if name not in ("gated", "reasoning")])
def test_each_value_of_the_card_is_part_of_its_version(field: str) -> None:
    assert replace(CARD, **{field: "other"}).version != CARD.version
    assert replace(CARD).version == CARD.version


def test_another_template_of_the_card_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "card.md.j2"
    other.write_text("# {{ model }}\n")
    before = CARD.version
    monkeypatch.setattr("infra.resources.model_card.TEMPLATE", other)
    assert (CARD.text, CARD.version == before) == ("# org/model\n", False)
