"""Chooses what `gatelift init` writes as size: by the model where it can be read, else as it is given or usual."""

from pathlib import Path

from msgspec.structs import replace

from infra.azure.target import DEFAULT_LOCATION
from infra.cli.input.model_choice import ModelChoice
from infra.cli.input.token import token_if_needed
from infra.cli.terminal.invocation import Invocation
from infra.operations.capacity.market import open_market
from infra.operations.capacity.proposal import BRIEF, Proposal, propose
from infra.operations.capacity.size import Question
from infra.sizing.setting import Setting
from infra.spec.model_source import ModelSpec

USUAL_SIZE, USUAL_MODEL_LEN = "Standard_NC24ads_A100_v4", 4096


def size_for(
    call: Invocation, choice: ModelChoice | None, instance_type: str | None, max_model_len: int | None
) -> Proposal:
    """What the spec says of the size: by the model where it can be read, else as given or usual, and why."""
    usual = Proposal(instance_type or USUAL_SIZE, 1, max_model_len or USUAL_MODEL_LEN, ())
    if choice is None or choice.brings_container or choice.source == "asset":
        return usual
    if instance_type:
        return replace(usual, why=(f"As given: `gatelift size {choice.label}` says whether the model fits on it.",))
    source = ModelSpec().but(**{choice.source: choice.value}).in_folder(Path.cwd())
    question = Question(Setting(max_model_len=max_model_len), DEFAULT_LOCATION)
    token = token_if_needed(None, call.environ)
    found = propose(
        source, question, token, lambda: open_market(local=call.local, environ=call.environ, timeouts=BRIEF)
    )
    if isinstance(found, Proposal):
        return found
    said = f"Not chosen by the model, since {found}."
    return replace(usual, why=(said, f"`gatelift size {choice.label}` compares the sizes."))
