"""`gatelift size`: which GPU a model needs, and what it costs, before anything is created."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from infra.azure.target import DEFAULT_LOCATION
from infra.cli.input.model_choice import choose_model
from infra.cli.input.stack import currency_option
from infra.cli.input.token import token_fd_option, token_if_needed
from infra.cli.terminal.invocation import DEFAULT_SPEC, Group, Integer, Invocation, command
from infra.cli.views.size import size_text
from infra.errors import GateliftError
from infra.operations.capacity.market import open_market
from infra.operations.capacity.size import Question, read_source, size_model
from infra.operations.capacity.size_document import size_document
from infra.sizing.instance_types import INSTANCE_TYPES, InstanceType, instance_type
from infra.sizing.setting import read_setting
from infra.spec.file import load_spec
from infra.spec.model_source import ModelSpec

app = Group()

SPECS = (".yaml", ".yml", ".json")
EPILOG = """\b
Reads config.json and the heads of the safetensors files, from the Hub or a folder: nothing is downloaded. Of a spec the
engine's arguments count: max_model_len, tensor_parallel_size, gpu_memory_utilization, kv_cache_dtype, quantization …
Needs no Azure account; prices are Azure's list prices. docs/size.md says how everything is computed.
\b
Examples:
  gatelift size Qwen/Qwen3-8B
  gatelift size ./my-fine-tune --max-model-len 32768 --concurrency 20
  gatelift size gatelift.yaml --all
  gatelift size meta-llama/Llama-3.1-70B-Instruct --quantization fp8 --region westeurope --currency EUR
"""


@command(app, name="size", epilog=EPILOG)
@click.argument(
    "what",
    metavar="[MODEL|SPEC]",
    default=str(DEFAULT_SPEC),
    help=f"Hub id (org/name), folder (./my-model) or spec file; {DEFAULT_SPEC} if omitted.",
)
@click.option(
    "--max-model-len", type=Integer(min=1), help="Context of a request in tokens; 8192 or the spec's if omitted."
)
@click.option("--concurrency", type=Integer(min=1), default=1, help="Requests of that context that must fit at once.")
@click.option("--instance-type", "only", help="Ask about this instance type alone.")
@click.option("--quantization", help="Have vLLM quantize the weights while it loads them, e.g. fp8.")
@click.option("--region", help=f"Azure region of the prices; the spec's or {DEFAULT_LOCATION} if omitted.")
@currency_option
@click.option("--all", "every", is_flag=True, help="Show the sizes on which it does not fit, too, and why.")
@token_fd_option
def size(
    call: Invocation,
    what: str,
    max_model_len: int | None,
    concurrency: int,
    only: str | None,
    quantization: str | None,
    region: str | None,
    currency: str | None,
    every: bool,
    token_fd: int | None,
) -> None:
    """Say which GPU sizes a model fits on, what they cost, and how fast it would be."""
    token = token_if_needed(token_fd, call.environ)
    given = {"max_model_len": max_model_len, "quantization": quantization}
    found = asked(call, what)
    engine = {**found.engine, **{name: value for name, value in given.items() if value is not None}}
    setting = read_setting(engine, found.variables)
    question = Question(
        setting,
        region or found.region or DEFAULT_LOCATION,
        concurrency,
        region_given=bool(region or found.region),
        usual=not is_spec(what),
        only=known_size(only) if only else None,
        chosen=found.instance_type,
    )
    market = open_market(local=call.local, environ=call.environ, currency=currency, cloud=found.cloud)
    market.hub.tell_of_waits(call.out.message)
    sized = size_model(found.source.label, read_source(found.source, market.hub, token), question, market.prices)
    document = size_document(sized)
    call.out.document(document)
    call.out.data(size_text(document, call.out.paint, every=every))


def is_spec(what: str) -> bool:
    """Whether this is a spec file, and not a model."""
    return what.lower().endswith(SPECS) or Path(what).is_file()


class Asked(Struct, frozen=True):
    """What a spec or a model's name stands for."""

    source: ModelSpec
    engine: Mapping[str, Any] = {}
    variables: Mapping[str, str] = {}
    region: str | None = None
    instance_type: str = ""
    cloud: str | None = None


def asked(call: Invocation, what: str) -> Asked:
    """Read the spec, or the name of a model; raises `GateliftError` for what is neither."""
    if is_spec(what):
        spec = load_spec(Path(what), environ=call.environ, local=False, folders=True)
        deployment, known = spec.deployment, instance_type(spec.deployment.instance_type)
        return Asked(
            spec.model,
            {**deployment.engine, **({"enable_lora": True} if spec.model.adapters else {})},
            deployment.environment_variables,
            spec.workspace.location,
            known.name if known else deployment.instance_type,
            spec.cloud,
        )
    choice = choose_model(what, DEFAULT_SPEC, said="the model")
    return Asked(ModelSpec().but(**{choice.source: choice.value}).in_folder(Path.cwd()))


def known_size(name: str) -> InstanceType:
    """The size of this name; raises `GateliftError` for one that is not in the table."""
    if found := instance_type(name):
        return found
    names = ", ".join(each.name for each in INSTANCE_TYPES.values())
    raise GateliftError(
        f"{name!r} is not one of the GPU sizes that managed online endpoints offer",
        hint=f"one of {names}",
        code="unknown_instance_type",
    )
