"""Fine-tuned adapters in vLLM's words: each is a served model, and all of them can run in one batch."""

import json
from argparse import Namespace
from collections.abc import Sequence

from scoring.engine.modules import VllmModules
from scoring.errors import BadSettings
from scoring.settings.arguments import has_flag, named_option
from scoring.weights.adapters import Adapter

MOST_AT_ONCE = 8  # adapters in one batch, unless --max-loras says more: each takes memory beside the cache for tokens
SETTLED = ("enable_lora", "max_lora_rank", "max_loras", "max_cpu_loras")


def adapter_names(parsed: Namespace) -> list[str]:
    """Return the names that the adapters in vLLM's arguments answer to."""
    return [str(module.name) for module in getattr(parsed, "lora_modules", None) or ()]


def settle_adapters(
    vllm: VllmModules, parsed: Namespace, arguments: Sequence[str], adapters: Sequence[Adapter]
) -> None:
    """Add the adapters to vLLM's arguments, with room for their rank and number where the arguments name none.

    The served name of the model must stand. Raises `BadSettings` for arguments that leave no room for them.
    """
    if not adapters:
        return
    _check_names(parsed, adapters)
    parser = vllm.make_arg_parser(vllm.argument_parser(prog="python -m scoring"))
    choices = next((one.choices for one in parser._actions if one.dest == "max_lora_rank"), None)
    words = adapter_words(arguments, adapters, parsed.served_model_name[0], sorted(choices or ()))
    count = len(adapter_names(parsed)) + len(adapters)
    if not has_flag(arguments, "--max-loras"):
        words.append(f"--max-loras={min(count, MOST_AT_ONCE)}")
        if count > MOST_AT_ONCE and not has_flag(arguments, "--max-cpu-loras"):
            words.append(f"--max-cpu-loras={count}")  # else those that do not run are read from the disk again
    read = parser.parse_args(words)
    for name in SETTLED:
        if has_flag(words, "--" + name.replace("_", "-")):
            setattr(parsed, name, getattr(read, name))
    parsed.lora_modules = [*(parsed.lora_modules or ()), *read.lora_modules]


def adapter_words(arguments: Sequence[str], adapters: Sequence[Adapter], base: str, ranks: Sequence[int]) -> list[str]:
    """Spell the adapters as arguments of `vllm serve`; `ranks` are those that it has room for, ascending."""
    if has_flag(arguments, "--no-enable-lora"):
        raise BadSettings("the engine's arguments say no to enable_lora, and there are adapters", hint="leave it out")
    modules = [json.dumps({"name": one.name, "path": one.folder, "base_model_name": base}) for one in adapters]
    words = ["--enable-lora", "--lora-modules", *modules]
    highest = max(adapters, key=lambda one: one.rank)
    given = named_option(arguments, "--max-lora-rank")
    if given is None:
        if ranks and highest.rank > ranks[-1]:
            raise BadSettings(
                f"adapter {highest.name} has rank {highest.rank}, and vLLM takes at most {ranks[-1]}",
                hint="merge it into a model of its own",
            )
        room = next((rank for rank in ranks if rank >= highest.rank), highest.rank)
        return [*words, f"--max-lora-rank={room}"]
    if given.isdecimal() and int(given) < highest.rank:
        raise BadSettings(
            f"adapter {highest.name} has rank {highest.rank}, and max_lora_rank is {given}",
            hint="leave max_lora_rank out, and it fits the adapters",
        )
    return words


def check_served(vllm: VllmModules, parsed: Namespace, adapters: Sequence[Adapter]) -> None:
    """Raise `BadSettings` for an adapter that vLLM does not serve (DoRA, whole layers), by vLLM's own check.

    vLLM itself looks when the model is loaded, which may take many minutes.
    """
    for adapter in adapters:
        try:
            vllm.peft_helper.from_local_dir(adapter.folder, None).validate_legal(parsed)
        except (ValueError, TypeError, OSError) as error:
            said = " ".join(str(error).split())[:300]
            raise BadSettings(
                f"vLLM does not serve adapter {adapter.name}: {said}", hint="merge it into a model of its own"
            ) from error


def _check_names(parsed: Namespace, adapters: Sequence[Adapter]) -> None:
    taken = [*parsed.served_model_name, *adapter_names(parsed)]
    if twice := next((one.name for one in adapters if one.name in taken), None):
        raise BadSettings(f"adapter {twice} has a name that is taken", hint="give each adapter a name of its own")
