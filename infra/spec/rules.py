"""What a spec's vLLM arguments, environment variables and moments must keep."""

import re
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from infra.spec.engine_arguments import unknown_argument
from infra.spec.errors import AS_A_MOMENT, shown
from infra.spec.names import RuleBroken, VariableName, following

MOMENT = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
VARIABLES_OF_OURS = ("SCORING_MODEL", "SCORING_REVISION", "SCORING_SERVED_MODEL_NAME", "SCORING_ENGINE_ARGS")
PLATFORM_VARIABLES = ("AZUREML_", "AML_", "MSI_", "IDENTITY_", "GATELIFT_")
ENGINE_ARGUMENTS_OF_OURS = {
    "model": "model.id",
    "revision": "model.revision",
    "served_model_name": "model.served_name",
    "hf_token": "token",
    "api_key": "endpoint.auth_mode",
}


def vllm_names(engine: dict[str, Any]) -> dict[str, Any]:
    """The arguments by vLLM's own names, each known, given once, and not one that another field sets."""
    names = [key.removeprefix("--").replace("-", "_") for key in engine]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RuleBroken(f"{twice} stands here twice, in two spellings", "keep one of the two")
    named = dict(zip(names, engine.values(), strict=True))
    for key, field in ENGINE_ARGUMENTS_OF_OURS.items():
        if key in named:
            raise RuleBroken(f"{key} is set through {field}", f"write it there and take `{key}` out")
    if unknown := unknown_argument(named):
        raise RuleBroken(f"vLLM knows no argument {unknown[0]!r}", unknown[1])
    return named


def free_variables(variables: dict[str, str]) -> dict[str, str]:
    """Variables that neither gatelift nor the platform sets."""
    for name in variables:
        if name in VARIABLES_OF_OURS:
            raise RuleBroken(f"{name} is set by gatelift from model and engine", "take it out")
        if name.startswith(PLATFORM_VARIABLES):
            hint = f"take it out: names that begin with {', '.join(PLATFORM_VARIABLES)} are not the spec's"
            raise RuleBroken(f"{name} is set by the platform or by gatelift", hint)
    return variables


def moment(written: str) -> str:
    """A moment as Azure writes it, on a day that exists."""
    if not re.fullmatch(MOMENT, written):
        raise RuleBroken(f"{shown(written)} is not a moment in UTC with milliseconds", AS_A_MOMENT)
    try:
        datetime.fromisoformat(written)
    except ValueError as error:
        raise RuleBroken(str(error), AS_A_MOMENT) from None
    return written


EngineArguments = Annotated[dict[str, Any], following(vllm_names)]
Variables = Annotated[dict[VariableName, str], following(free_variables)]
Moment = Annotated[str, Meta(extra_json_schema={"pattern": f"^{MOMENT}$"}), following(moment)]
