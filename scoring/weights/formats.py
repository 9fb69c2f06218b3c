"""Which files of a repository are fetched: what describes the model, and its weights in one format."""

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatch

# What a served model needs beside its tensors; the other formats that lie beside are not fetched.
PLAIN_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.py", "*.tiktoken", "tokenizer*")
OTHER_FOLDERS = re.compile(r"(^|/)(original|onnx|openvino|metal|coreml|tf_model|checkpoint-\d+|runs)/")
# What a training leaves behind, and tensors that are no model's.
LEFT_BEHIND = re.compile(
    r"(^|/)(training_args|optimizer|scheduler|rng_state.*|scaler|adapter_model)\.(bin|pt|safetensors)$"
)
CONSOLIDATED = "consolidated*.safetensors"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.*")  # vLLM takes the model's tokenizer for all
MISTRAL = "mistral"
# The formats that a `load_format` reads, best first; of the others the first that is there is taken.
FORMATS: dict[str, tuple[str, ...]] = {
    "safetensors": ("*.safetensors",),
    "fastsafetensors": ("*.safetensors",),
    "instanttensor": ("*.safetensors",),
    "runai_streamer": ("*.safetensors",),
    "npcache": ("*.bin",),
    "pt": ("*.pt", "*.bin"),
}
ANY = ("*.safetensors", "*.bin", "*.pt")


def chosen_files(names: Iterable[str], load_format: str = "auto") -> list[str]:
    """Return those of a repository's files that are fetched for a `load_format` of vLLM; `dummy` takes no tensors."""
    there = [name for name in names if not OTHER_FOLDERS.search(name)]
    plain = [name for name in there if any(fnmatch(name.rpartition("/")[2], one) for one in PLAIN_FILES)]
    tensors = [] if load_format == "dummy" else _tensors(there, load_format)
    return sorted({*(name for name in plain if not is_tensor(name)), *tensors})


def chosen_adapter_files(names: Iterable[str]) -> list[str]:
    """Return the files of an adapter's repository that are fetched; its tensors in one format."""
    there = [name for name in names if any(fnmatch(name, one) for one in ADAPTER_FILES)]
    if "adapter_model.safetensors" in there:
        there = [name for name in there if name not in ("adapter_model.bin", "adapter_model.pt")]
    return sorted(there)


def _tensors(names: Collection[str], load_format: str) -> list[str]:
    consolidated = [name for name in names if fnmatch(name, CONSOLIDATED)]
    if load_format == MISTRAL:
        return consolidated
    others = [name for name in names if name not in consolidated and not LEFT_BEHIND.search(name)]
    for pattern in FORMATS.get(load_format, ANY):
        if found := [name for name in others if fnmatch(name, pattern)]:
            return found
        if consolidated and pattern == "*.safetensors":
            return consolidated  # Mistral's own format alone
    return []


def is_tensor(name: str) -> bool:
    """Tell files of weights from those that describe them."""
    return name.endswith((".safetensors", ".bin", ".pt", ".gguf"))
