"""Embeddings in vLLM's words: the one size that a model has, and what it wants before queries or documents."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Document = dict[str, Any]

# The names that sentence-transformers' models give their prompts, by the API's `input_type`.
PROMPT_NAMES = {"query": ("query", "search_query"), "document": ("document", "passage", "search_document", "corpus")}


@dataclass(frozen=True)
class EmbeddingFacts:
    """What is known of an embedding model: how many numbers its vectors have, and its prompts by `input_type`."""

    size: int = 0
    prompts: Mapping[str, str] = field(default_factory=dict)


def embeddings_for_vllm(document: Document, facts: EmbeddingFacts) -> Document:
    """Return the request without `input_type`, its texts begun as the model wants them for it.

    Without `dimensions`, too, where that is the model's own size: vLLM refuses it of a model that has no other.
    """
    rest = {name: value for name, value in document.items() if name != "input_type"}
    size = rest.get("dimensions")
    if size is None or (size == facts.size and not isinstance(size, bool)):
        rest.pop("dimensions", None)
    kind = document.get("input_type")
    prompt = facts.prompts.get(kind, "") if isinstance(kind, str) else ""
    texts = rest.get("input")
    if prompt and isinstance(texts, str):
        rest["input"] = prompt + texts
    elif prompt and isinstance(texts, list):
        rest["input"] = [prompt + text if isinstance(text, str) else text for text in texts]
    return rest if rest.keys() != document.keys() or rest.get("input") is not texts else document


def read_prompts(model: str) -> dict[str, str]:
    """Return the prompts by `input_type` that the model's sentence-transformers settings name, if it has any."""
    try:
        settings = json.loads((Path(model) / "config_sentence_transformers.json").read_text())
    except (OSError, ValueError):
        return {}
    prompts = settings.get("prompts") or {}
    found = {
        kind: next((prompts[name] for name in names if name in prompts), "") for kind, names in PROMPT_NAMES.items()
    }
    found["text"] = prompts.get(settings.get("default_prompt_name"), "")
    return {kind: prompt for kind, prompt in found.items() if prompt}
