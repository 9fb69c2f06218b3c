"""Which files of a model or an adapter are served: those that the scoring server downloads from the Hub."""

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

# As scoring/weights chooses what it downloads; `*` matches `/`, too.
PLAIN_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.py", "*.tiktoken", "tokenizer*", "*/config.json", "*/*.json")
TENSOR_FILES = ("*.safetensors", "*.bin", "*.pt")
OTHER_FORMATS = ("original/*", "onnx/*")
TRAINING = ("checkpoint-*", "runs/*")  # what a training run leaves beside the model
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_TENSORS = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")
ADAPTER_EXTRAS = ("new_embeddings.safetensors", "new_embeddings.bin")
MODEL_CONFIGS = ("config.json", "params.json")
SHARD = re.compile(r"(?P<head>.*-)(?P<number>\d{5})(?P<middle>-of-)(?P<count>\d{5})(?P<tail>\.\w+)")


def model_files(names: Collection[str]) -> list[str]:
    """The files of a model that are served, sorted: of the weights' formats that are there, the first one."""
    kept = [name for name in names if not _matches(name, (*OTHER_FORMATS, *TRAINING))]
    tensors = next((form for form in TENSOR_FILES if any(fnmatchcase(name, form) for name in kept)), TENSOR_FILES[0])
    return sorted(name for name in kept if _matches(name, (*PLAIN_FILES, tensors)))


def adapter_files(names: Collection[str]) -> list[str]:
    """The files of a LoRA adapter that are served, sorted; only those at the top belong to it."""
    tensors = next((name for name in ADAPTER_TENSORS if name in names), "")
    top = [name for name in names if "/" not in name]
    return sorted(name for name in top if name in (tensors, *ADAPTER_EXTRAS) or _matches(name, PLAIN_FILES))


def tensor_files(names: Iterable[str]) -> list[str]:
    """Those of the files that hold weights."""
    return [name for name in names if _matches(name, TENSOR_FILES)]


def missing_shards(names: Collection[str]) -> list[str]:
    """The shards that are not there, of weights whose names say how many they are, `model-00001-of-00003`."""
    expected: dict[str, None] = {}
    for match in filter(None, map(SHARD.fullmatch, sorted(names))):
        for number in range(1, int(match["count"]) + 1):
            expected[f"{match['head']}{number:05}{match['middle']}{match['count']}{match['tail']}"] = None
    return [name for name in expected if name not in names]


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
