"""What a repository's or a folder's list of files says about the model in it: its weights, and what is missing."""

from collections.abc import Callable, Collection, Mapping

from msgspec import Struct

from infra.model_files import (
    ADAPTER_CONFIG,
    ADAPTER_TENSORS,
    MODEL_CONFIGS,
    adapter_files,
    missing_shards,
    model_files,
    read_json_text,
    tensor_files,
)

GB = 1_000_000_000
SHOWN = 3  # names of missing files
KEEPS = "what the scoring server loads are safetensors, .bin or .pt files beside config.json"
INDEX = ".index.json"
Read = Callable[[str], bytes]


class Contents(Struct, frozen=True):
    """The files that are served, in words; `fault` says what keeps a server from starting with them."""

    found: str = ""
    fault: str = ""
    fix: str = ""
    empty: bool = False
    """Whether the fault is that there are no weights at all."""


def look_at_model(sizes: Mapping[str, int | None], read: Read | None = None) -> Contents:
    """The contents of a model, from the sizes of its files by name.

    `read` gives the content of one of them, for the index of the shards; without it, their names alone tell of shards.
    """
    chosen = model_files(sizes)
    tensors = tensor_files(chosen)
    if ADAPTER_CONFIG in sizes and not set(MODEL_CONFIGS) & set(sizes):
        base = base_of_adapter(read) if read else ""
        fix = f"name {base or 'the model that it was made for'} in `model.id`, and this one in `model.adapters`"
        return Contents(fault="it is a LoRA adapter, which needs the model that it was made for", fix=fix)
    if not tensors:
        return _without_weights(sizes)
    if not set(MODEL_CONFIGS) & set(sizes):
        return Contents(fault="it has weights and no config.json, which says of what model they are", fix=KEEPS)
    missing = dict.fromkeys(missing_shards(tensors) + _unlisted(chosen, sizes, read))
    if missing:
        return _lacking(list(missing), len(tensors))
    return Contents(_in_words(tensors, sizes))


def look_at_adapter(sizes: Mapping[str, int | None]) -> Contents:
    """The contents of a LoRA adapter."""
    if ADAPTER_CONFIG not in sizes:
        fix = "a whole model goes to `model.id`; gatelift serves adapters that peft has written"
        return Contents(fault=f"it is no LoRA adapter: it has no {ADAPTER_CONFIG}", fix=fix)
    tensors = [name for name in adapter_files(sizes) if name in ADAPTER_TENSORS]
    if not tensors:
        fault = f"it has no weights of an adapter, such as {ADAPTER_TENSORS[0]}"
        return Contents(fault=fault, fix="choose another revision, or upload them again")
    return Contents(_in_words(tensors, sizes))


def base_of_adapter(read: Read) -> str:
    """The model that an adapter was made for; empty where it does not say."""
    return str(_object(read, ADAPTER_CONFIG).get("base_model_name_or_path") or "")


def _without_weights(sizes: Mapping[str, int | None]) -> Contents:
    """What a repository has where it has no weights that the server loads."""
    if gguf := [name for name in sizes if name.lower().endswith(".gguf")]:
        fault = f"it has its weights as GGUF alone, such as {gguf[0]}, which the scoring server does not load"
        return Contents(fault=fault, fix="take the model that it was made from: its page on the Hub names it")
    if others := [name for name in sizes if name.lower().endswith((".h5", ".msgpack", ".onnx", ".ckpt", ".pth"))]:
        return Contents(fault=f"it has its weights in other formats alone, such as {others[0]}", fix=KEEPS)
    what = "a tokenizer and no weights" if any("token" in name for name in sizes) else "no weights"
    return Contents(fault=f"it has {what}: a container would start in vain", fix=KEEPS, empty=True)


def _unlisted(chosen: Collection[str], sizes: Mapping[str, int | None], read: Read | None) -> list[str]:
    """The shards that an index names and that are not there."""
    missing: dict[str, None] = {}
    if read is None:
        return []
    for index in [name for name in chosen if name.endswith(INDEX)]:
        folder = index.rpartition("/")[0]
        names = sorted({f"{folder}/{each}" if folder else each for each in _listed(_object(read, index))})
        missing |= dict.fromkeys(name for name in tensor_files(names) if name not in sizes)
    endings = {name.rpartition(".")[2] for name in tensor_files(chosen)}
    return [name for name in missing if name.rpartition(".")[2] in endings]  # an index of another format may lie beside


def _listed(index: Mapping[str, object]) -> set[str]:
    shards = index.get("weight_map")
    return {str(each) for each in shards.values()} if isinstance(shards, dict) else set()


def _lacking(missing: list[str], there: int) -> Contents:
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    fault = f"it lacks {', '.join(missing[:SHOWN])}{more}; {_counted(there, 'shard')} there"
    return Contents(fault=fault, fix="its upload may not be finished: choose another revision, or tell its authors")


def _in_words(tensors: list[str], sizes: Mapping[str, int | None]) -> str:
    ending = tensors[0].rpartition(".")[2]
    known = [sizes[name] for name in tensors]
    size = f", {sum(one or 0 for one in known) / GB:.2f} GB" if None not in known else ""
    return f"{len(tensors)} {'file' if len(tensors) == 1 else 'files'} of {ending} weights{size}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what} is" if number == 1 else f"{number} {what}s are"


def _object(read: Read, name: str) -> dict[str, object]:
    """A file with a JSON object; an empty one where it is anything else."""
    try:
        found = read_json_text(read(name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
