"""What `size` asks of the world: the Hub and Azure's prices, in whose place the emulator stands here."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from infra.errors import AccessDenied, GateliftError, NotFound
from infra.operations.capacity.market import open_market
from infra.operations.capacity.proposal import Proposal, propose
from infra.operations.capacity.size import Question, read_source, size_model
from infra.sizing.instance_types import instance_type
from infra.sizing.setting import Setting
from infra.spec.model_source import ModelSpec
from tests.infra.model_folders import LLAMA, write_model

ASKED = Question(Setting(), "eastus")


def test_prices_come_from_the_emulators_list(bench: Any, tmp_path: Path) -> None:
    market = open_market(local=True, environ=bench.environ)
    source = ModelSpec(path=str(write_model(tmp_path / "mine", LLAMA, gib=15)))
    one = replace(ASKED, only=instance_type("Standard_NC24ads_A100_v4"))  # this emulator's pages are very small
    sized = size_model("mine", read_source(source, market.hub, None), one, market.prices)
    assert sized.best is not None
    price = market.prices.hourly("eastus", [sized.best.fit.instance.name])
    assert [each.source for each in price.values()] == ["retail-api"], market.prices.note
    assert (sized.best.hour, sized.prices_note) == (next(iter(price.values())).hour, "")


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        pytest.param("org/gated", AccessDenied, "org/gated is gated and needs a token", id="gated"),
        pytest.param("org/none", NotFound, "org/none is not on the Hub", id="not-there"),
        pytest.param("org/plain", GateliftError, "does not begin as a safetensors file", id="no-weights"),
    ],
)
def test_the_hub_refuses_as_it_does_elsewhere(bench: Any, model: str, error: type[GateliftError], said: str) -> None:
    hub = open_market(local=True, environ=bench.environ).hub
    with pytest.raises(error, match=said) as refused:
        read_source(ModelSpec(id=model), hub, None)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(ModelSpec(asset="azureml:mine:1"), "mine is a model asset", id="asset"),
        pytest.param(
            ModelSpec(id="azureml://registries/HuggingFace/models/gpt2/labels/latest"),
            "comes with its own container",
            id="registry",
        ),
    ],
)
def test_what_only_azure_has_is_not_read(bench: Any, source: ModelSpec, said: str) -> None:
    hub = open_market(local=True, environ=bench.environ).hub
    with pytest.raises(GateliftError, match=said):
        read_source(source, hub, None)


def test_no_proposal_is_an_answer_too(bench: Any) -> None:
    found = propose(ModelSpec(id="org/none"), ASKED, None, lambda: open_market(local=True, environ=bench.environ))
    assert isinstance(found, str)
    assert "org/none is not on the Hub" in found


def test_a_context_that_vllm_refuses_is_the_reason(bench: Any, tmp_path: Path) -> None:
    source = ModelSpec(path=str(write_model(tmp_path / "mine", LLAMA, gib=15)))
    asked = Question(Setting(max_model_len=200_000), "eastus")
    found = propose(source, asked, None, lambda: open_market(local=True, environ=bench.environ))
    assert isinstance(found, str)
    assert found.endswith("offer: vLLM serves it with 131,072 tokens at most, 200,000 wanted")


def test_a_proposal_has_its_reasons(bench: Any, tmp_path: Path) -> None:
    source = ModelSpec(path=str(write_model(tmp_path / "mine", LLAMA, gib=131)))
    found = propose(source, ASKED, None, lambda: open_market(local=True, environ=bench.environ))
    assert isinstance(found, Proposal)
    assert (found.instance_type, found.tensor_parallel) == ("Standard_NC48ads_A100_v4", 2)
    assert "USD an hour in eastus, by the list price." in found.why[0]
