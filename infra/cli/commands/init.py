"""`gatelift init`: writes a commented spec for a model of the Hub, of this machine or of the workspace."""

import json
import os
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from infra.cli.input.model_choice import ModelChoice, choose_model
from infra.cli.input.sizing import USUAL_MODEL_LEN, USUAL_SIZE, size_for
from infra.cli.terminal.invocation import DEFAULT_SPEC, PATH, Group, Integer, Invocation, command
from infra.errors import GateliftError
from infra.operations.capacity.proposal import Proposal
from infra.spec.names import RuleBroken, endpoint_name, stack_name, vm_size

app = Group()

EXAMPLES = {"id": "org/name", "path": "./my-model", "asset": "azureml:NAME:1"}
SAYS = {
    "id": "from the Hub",
    "path": "a folder of this machine, relative to this file; uploaded once, and mounted",
    "asset": "a model asset of the workspace or of a registry, mounted",
}
OF_THE_HUB = """\
  # revision: main                 # a branch, tag or commit; pinned to a commit when planned
  # mirror: true                   # copied into the workspace once: containers then need neither Hub nor token
"""
FOR_OUR_SERVER = """\
  # adapters:                      # LoRA adapters, each a model name of its own; `id`, `path` or `asset` as above
  #   - {name: my-adapter, path: ./my-adapter}
"""
LOCAL_MODEL_LEN = 2048
COMMENT_WIDTH = 112
PLAIN = re.compile(r"[\w./~:@-]+")  # what YAML takes for a text as it is
DEFAULT_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SUBSCRIPTION = "${AZURE_SUBSCRIPTION_ID:-00000000-0000-0000-0000-000000000001}"
EPILOG = """\b
Examples:
  gatelift init
  gatelift init --model meta-llama/Llama-3.1-8B-Instruct --name llama
  gatelift init --model ./my-fine-tune
  gatelift init --model azureml:my-fine-tune:3
  gatelift init --file specs/llama.yaml --endpoint llama-prod
"""

TEMPLATE = """\
# What `gatelift up {file}` creates, in Azure or (with --local) on this machine.
# ${{NAME}} is replaced by an environment variable, ${{NAME:-value}} has a default. Do not put a secret here: the token
# is read from HF_TOKEN and kept in the workspace connection HuggingFaceTokenConnection.

# The stack: everything that gatelift creates for it is tagged with this name.
name: {name}

# Where its files come from: the Hub, a folder of this machine, or a model asset; the same with --local.
model:
{model}
# An existing Azure Machine Learning workspace; --local creates its own.
workspace:
  subscription_id: {subscription_id}
  resource_group: {resource_group}
  name: {workspace}

# The name must be unique in the Azure region: 3 to 32 letters, digits and dashes.
endpoint:
  name: {endpoint}
  auth_mode: key         # key | aml_token | aad_token

deployment:
  name: blue
{why}  instance_type: {instance_type}
  instance_count: 1
{rest}"""
# What a model that brings its own container has no use for.
SERVED_BY_US = """\
  engine:                # any argument of `vllm serve`, with its own name
    max_model_len: {max_model_len}
{parallel}
# The container's image: built in the workspace's registry if nothing is said here, or a ready one by its digest.
# environment:
#   image: ghcr.io/you/gatelift-vllm@sha256:...

# The model's entry in the workspace's catalog; it can be hidden until a time in UTC.
# catalog:
#   tags: {{license: apache-2.0}}
#   invisible_until: 2026-01-16T00:00:00.000Z

# Overrides the rest with --local only: a CPU serves less than a GPU.
local:
  # model:               # another model on this machine, such as a smaller one of the same family
  #   id: {default_model}
  engine:
    max_model_len: {local_max_model_len}
{alone}    max_num_seqs: 8
    enforce_eager: true
"""


@command(app, name="init", epilog=EPILOG)
@click.option(
    "--model",
    show_default=DEFAULT_MODEL,
    help="Hub id (org/name), folder (./my-model) or asset (azureml:NAME:VERSION).",
)
@click.option("--name", help="Name of the stack; derived from the model if omitted.")
@click.option("--endpoint", help="Name of the endpoint; the stack's name if omitted.")
@click.option("--subscription-id", default=SUBSCRIPTION, help="Azure subscription.")
@click.option("--resource-group", default="${AZURE_RESOURCE_GROUP:-gatelift}", help="Azure resource group.")
@click.option("--workspace", default="${AZURE_ML_WORKSPACE:-local}", help="Azure ML workspace.")
@click.option(
    "--instance-type", help=f"Azure instance type (VM size); the cheapest that --model fits on, or {USUAL_SIZE}."
)
@click.option(
    "--max-model-len",
    type=Integer(min=1),
    help=f"Maximum context length in tokens; the longest that fits, or {USUAL_MODEL_LEN}.",
)
@click.option("--file", "-f", type=PATH, default=DEFAULT_SPEC, help="Where to write.")
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
def init(
    call: Invocation,
    model: str | None,
    name: str | None,
    endpoint: str | None,
    subscription_id: str,
    resource_group: str,
    workspace: str,
    instance_type: str | None,
    max_model_len: int | None,
    file: Path,
    force: bool,
) -> None:
    """Write a commented spec into the current folder.

    It asks no questions: everything has a default that can be edited in the file. An existing file is only overwritten
    with --force. With --model, and without --instance-type, it reads how large the model is and writes the cheapest
    size that it fits on, and why; where the Hub cannot be asked, it says so and writes what it writes for others.
    """
    choice = choose_model(DEFAULT_MODEL if model is None else model, file)
    name = name or name_from(choice.label)
    check_option("--name", name, stack_name)
    check_option("--endpoint", endpoint or name, endpoint_name)
    check_option("--instance-type", instance_type or USUAL_SIZE, vm_size)
    check_absent(file, overwrite=force)
    sizing = size_for(call, choice if model else None, instance_type, max_model_len)
    text = TEMPLATE.format(
        file=file,
        name=name,
        model=model_block(choice),
        subscription_id=subscription_id,
        resource_group=resource_group,
        workspace=workspace,
        endpoint=endpoint or name,
        why=comment(sizing.why),
        instance_type=sizing.instance_type,
        rest="" if choice.brings_container else served_by_us(sizing),
    )
    write_file(file, text, overwrite=force)
    written = {"instance_type": sizing.instance_type, "max_model_len": sizing.max_model_len}
    names = {"name": name, "model": choice.value, "endpoint": endpoint or name}
    call.out.document({"file": str(file), **names, **written, "why": list(sizing.why)})
    call.out.data(f"wrote {file}")
    for line in sizing.why:
        call.out.message(line)
    if model and choice.source == "id" and Path(model).is_dir():
        call.out.hint(f"the model is taken from the Hub; `--model ./{model}` takes the folder that is here")
    here = "" if choice.brings_container else f"`gatelift up {file} --local` tries it on this machine; "
    call.out.hint(f"{here}`gatelift doctor {file}` checks it in Azure")


def model_block(choice: ModelChoice) -> str:
    """The lines of `model`: the source that was chosen, then the others as comments."""
    value = choice.value if PLAIN.fullmatch(choice.value) else json.dumps(choice.value)
    if choice.brings_container:
        return f"  id: {value}\n"
    others = [_line("  # ", source, example) for source, example in EXAMPLES.items() if source != choice.source]
    of_the_hub = OF_THE_HUB if choice.source == "id" else ""
    return "".join([_line("  ", choice.source, value), of_the_hub, *others, FOR_OUR_SERVER])


def served_by_us(sizing: Proposal) -> str:
    """The end of a spec whose model our server serves."""
    local = min(sizing.max_model_len, LOCAL_MODEL_LEN)
    parallel = sizing.tensor_parallel
    return SERVED_BY_US.format(
        max_model_len=sizing.max_model_len,
        parallel=f"    tensor_parallel_size: {parallel}   # one for each GPU\n" if parallel > 1 else "",
        alone="" if parallel == 1 else "    tensor_parallel_size: 1\n",
        local_max_model_len=local,
        default_model=DEFAULT_MODEL,
    )


def comment(lines: Sequence[str]) -> str:
    """The lines as comments above a field of `deployment`."""
    wrapped = [part for line in lines for part in textwrap.wrap(line, COMMENT_WIDTH, break_on_hyphens=False)]
    return "".join(f"  # {line}\n" for line in wrapped)


def _line(start: str, source: str, value: str) -> str:
    return f"{f'{start}{source}: {value}':<34} # {SAYS[source]}\n"


def name_from(model: str) -> str:
    """A stack name from what people call the model: lower case, digits and dashes, short enough for an endpoint."""
    last = re.split(r"[/:]", model.removesuffix("/").split("/versions/")[0].split("/labels/")[0])[-1]
    name = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
    name = name if name[:1].isalpha() else f"m-{name}"
    return name[:32].strip("-").ljust(3, "x")


def check_option(option: str, value: str, rule: Callable[[str], str]) -> None:
    """Raise GateliftError for a value that the spec would not accept; `${NAME}` is only known when it is read."""
    try:
        if "${" not in value:
            rule(value)
    except RuleBroken as error:
        raise GateliftError(f"{option} {value!r} {error}", hint=error.hint, code="invalid_option") from None


def check_absent(file: Path, *, overwrite: bool) -> None:
    """Raise `GateliftError` where the file is there and may not be overwritten."""
    if os.path.exists(file) and (not overwrite or file.is_dir()):
        hint = "--force overwrites it, --file writes to another file"
        if file.is_dir():
            hint = f"--file {file / DEFAULT_SPEC} writes into that folder"
        raise GateliftError(f"{file} already exists", hint=hint, code="file_exists")


def write_file(file: Path, text: str, *, overwrite: bool) -> None:
    """Write the spec; raises GateliftError where the file cannot be written."""
    try:
        with file.open("w" if overwrite else "x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise GateliftError(
            f"{file} cannot be written: {error.strerror}", hint="choose another file with --file", code="file_error"
        ) from None
