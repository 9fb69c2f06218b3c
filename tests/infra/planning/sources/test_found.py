"""What a version in the workspace keeps of a model, and what containers are told of adapters."""

import pytest
from msgspec.structs import replace

from infra.hub.facts import ModelFacts
from infra.planning.sources.found import Found, FoundAdapter, read_recorded, recorded

FACTS = ModelFacts(
    "org/model", "a" * 40, gated=True, license="mit", task="text-generation", weights=5, updated="May 2026"
)


def test_recorded_facts_come_back() -> None:
    assert read_recorded(recorded(FACTS), FACTS.id, FACTS.revision) == FACTS


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"other": 1}'])
def test_damaged_ones_are_unknown(text: str) -> None:
    assert read_recorded(text, "org/model", "c") == ModelFacts("org/model", "c")


@pytest.mark.parametrize(
    ("mount", "url", "needs"),
    [
        pytest.param("", "", True, id="both-of-the-hub"),
        pytest.param("azureml:x:1", "", True, id="an-adapter-of-the-hub"),
        pytest.param("", "https://account/x", True, id="the-model-of-the-hub"),
        pytest.param("azureml:x:1", "https://account/x", False, id="none-of-the-hub"),
    ],
)
def test_a_token_is_needed_for_what_containers_download(mount: str, url: str, needs: bool) -> None:
    adapter = FoundAdapter("x", FACTS, url=url)
    assert Found(FACTS, mount=mount, adapters=(adapter,)).needs_token is needs
    public = replace(FACTS, gated=False)
    assert not Found(public, mount=mount, adapters=(FoundAdapter("x", public, url=url),)).needs_token
