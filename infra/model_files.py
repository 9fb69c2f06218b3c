"""Which files of a model or an adapter are served, as `scoring/weights/formats.py` chooses what it downloads."""

import json
import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Any

MANIFEST = "gatelift-model.json"  # written anew beside what is uploaded; one that is there is of an earlier copy
PLAIN_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.py", "*.tiktoken", "tokenizer*")
OTHER_FOLDERS = re.compile(r"(^|/)(original|onnx|openvino|metal|coreml|tf_model|checkpoint-\d+|runs)/")
# What a training leaves behind, and tensors that are no model's.
LEFT_BEHIND = re.compile(
    r"(^|/)(training_args|optimizer|scheduler|rng_state.*|scaler|adapter_model)\.(bin|pt|safetensors)$"
)
CONSOLIDATED = "consolidated*.safetensors"  # Mistral's own format, which only one `load_format` reads
SAFETENSORS = ("*.safetensors",)
FORMATS: dict[str, tuple[str, ...]] = {
    "safetensors": SAFETENSORS,
    "fastsafetensors": SAFETENSORS,
    "instanttensor": SAFETENSORS,
    "runai_streamer": SAFETENSORS,
    "npcache": ("*.bin",),
    "pt": ("*.pt", "*.bin"),
}
ANY = ("*.safetensors", "*.bin", "*.pt")
OF_THEIR_OWN = ("mistral", "npcache", "pt")  # the `load_format`s that need other files than most
NO_TENSORS = "dummy"  # the `load_format` that makes weights up
TENSOR_ENDINGS = (".safetensors", ".bin", ".pt", ".gguf")
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_FILES = (ADAPTER_CONFIG, "adapter_model.*")  # the tokenizer is the model's
ADAPTER_TENSORS = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")
MODEL_CONFIGS = ("config.json", "params.json")
SHARD = re.compile(r"(?P<head>.*-)(?P<number>\d{5})(?P<middle>-of-)(?P<count>\d{5})(?P<tail>\.\w+)")


def model_files(names: Iterable[str], load_format: str = "auto") -> list[str]:
    """The files of a model that are served with a `load_format` of vLLM, sorted; its weights in one format."""
    there = [name for name in names if not OTHER_FOLDERS.search(name) and name != MANIFEST]
    plain = [name for name in there if _matches(name.rpartition("/")[2], PLAIN_FILES)]
    tensors = [] if load_format == NO_TENSORS else _tensors(there, load_format)
    return sorted({*(name for name in plain if not name.endswith(TENSOR_ENDINGS)), *tensors})


def adapter_files(names: Iterable[str], load_format: str = "auto") -> list[str]:
    """The files of a LoRA adapter that are served, sorted; its tensors in one format."""
    there = [name for name in names if _matches(name, ADAPTER_FILES)]
    others = ADAPTER_TENSORS[1:] if ADAPTER_TENSORS[0] in there else ()
    return sorted(name for name in there if name not in others)


def tensor_files(names: Iterable[str]) -> list[str]:
    """Those of the files that hold weights."""
    return [name for name in names if name.endswith(TENSOR_ENDINGS)]


def missing_shards(names: Collection[str]) -> list[str]:
    """The shards that are not there, of weights whose names say how many they are, `model-00001-of-00003`."""
    expected: dict[str, None] = {}
    for match in filter(None, map(SHARD.fullmatch, sorted(names))):
        for number in range(1, int(match["count"]) + 1):
            expected[f"{match['head']}{number:05}{match['middle']}{match['count']}{match['tail']}"] = None
    return [name for name in expected if name not in names]


def read_json_text(text: str | bytes) -> Any:
    """The JSON document in a file that a stranger may have written; raises `ValueError` for what is none."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _tensors(names: Collection[str], load_format: str) -> list[str]:
    consolidated = [name for name in names if fnmatchcase(name, CONSOLIDATED)]
    if load_format == "mistral":
        return consolidated
    others = [name for name in names if name not in consolidated and not LEFT_BEHIND.search(name)]
    for pattern in FORMATS.get(load_format, ANY):
        if found := [name for name in others if fnmatchcase(name, pattern)]:
            return found
        if consolidated and pattern == SAFETENSORS[0]:
            return consolidated
    return []


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
