"""The rules for vLLM arguments, environment variables and times in a spec."""

import re
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from infra.spec.engine_arguments import typed, unknown_argument
from infra.spec.errors import AS_A_MOMENT, shown
from infra.spec.names import RuleBroken, RulesBroken, VariableName, checked_by

MOMENT = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
VARIABLES_OF_OURS = (
    "SCORING_MODEL",
    "SCORING_REVISION",
    "SCORING_SERVED_MODEL_NAME",
    "SCORING_ENGINE_ARGS",
    "SCORING_ADAPTERS",
)
PLATFORM_VARIABLES = ("AZUREML_", "AML_", "MSI_", "IDENTITY_", "GATELIFT_")
ENGINE_ARGUMENTS_OF_OURS = {
    "model": "model.id",
    "revision": "model.revision",
    "served_model_name": "model.served_name",
    "hf_token": "token",
    "api_key": "endpoint.auth_mode",
}


def vllm_names(engine: dict[str, Any]) -> dict[str, Any]:
    """The arguments under vLLM's own names; each is known, given once, of its kind, set by no other field."""
    names = [key.removeprefix("--").replace("-", "_") for key in engine]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RuleBroken(f"{twice} is given twice, in two spellings", "delete one of the two")
    named = dict(zip(names, engine.values(), strict=True))
    for key, field in ENGINE_ARGUMENTS_OF_OURS.items():
        if key in named:
            raise RuleBroken(f"{key} is set through {field}", f"set it there and delete `{key}` here")
    if unknown := unknown_argument(named):
        raise RuleBroken(f"vLLM has no argument {unknown[0]!r}", unknown[1])
    broken: dict[str, RuleBroken] = {}
    for key, name in zip(engine, names, strict=True):
        try:
            named[name] = typed(name, named[name])
        except RuleBroken as one:
            broken[key] = one
    if broken:
        raise RulesBroken(broken)
    return named


def free_variables(variables: dict[str, str]) -> dict[str, str]:
    """The variables; none may be one that gatelift or Azure sets."""
    for name in variables:
        if name in VARIABLES_OF_OURS:
            raise RuleBroken(f"{name} is set by gatelift, from the spec's model and engine", "delete it")
        if name.startswith(PLATFORM_VARIABLES):
            hint = f"delete it: names that begin with {', '.join(PLATFORM_VARIABLES)} are reserved"
            raise RuleBroken(f"{name} is set by Azure or by gatelift", hint)
    return variables


def moment(written: str) -> str:
    """A time in Azure's format, on a day that exists."""
    if not re.fullmatch(MOMENT, written):
        raise RuleBroken(f"{shown(written)} is not a time in UTC with milliseconds", AS_A_MOMENT)
    try:
        datetime.fromisoformat(written)
    except ValueError as error:
        raise RuleBroken(str(error), AS_A_MOMENT) from None
    return written


EngineArguments = Annotated[dict[str, Any], checked_by(vllm_names)]
Variables = Annotated[dict[VariableName, str], checked_by(free_variables)]
Moment = Annotated[str, Meta(extra_json_schema={"pattern": f"^{MOMENT}$"}), checked_by(moment)]
