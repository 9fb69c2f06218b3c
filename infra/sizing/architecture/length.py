"""The longest sequence that vLLM 0.32 serves without being told, its `max_model_len`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.sizing.architecture.fields import Fields

NAMES = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length")
MORE_NAMES = ("max_target_positions", "max_sequence_length", "max_seq_length", "seq_len")
OTHERWISE = 2048
ALREADY_SCALED = ("su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling", "mrope", "default")


def longest_sequence(config: Mapping[str, Any], fields: Fields) -> tuple[int, int]:
    """Tokens, and the most that it accepts; `config` is the outermost level, whose RoPE scaling alone vLLM reads."""
    stated = [value for name in (*NAMES, *MORE_NAMES) if (value := fields.number(name))]
    longest = fields.number("model_max_length") or min(stated, default=OTHERWISE)
    if "gemma3" in str(config.get("model_type")):
        return longest, longest
    scalings = list(_scalings(config))
    factor = 1.0
    for one in scalings:
        stated_factor = one.get("factor")
        if _kind(one) not in ALREADY_SCALED and isinstance(stated_factor, int | float):
            factor = stated_factor
    if not 0 < factor < float("inf"):
        fields.faults.append(f"config.json scales RoPE by {factor!r}")
        return longest, longest
    most, original = int(longest * factor), config.get("original_max_position_embeddings")
    if isinstance(original, int) and any(_kind(one) in ("longrope", "su") for one in scalings):
        return original, max(original, most)  # short sequences are read worse with longer ones
    return most, most


def _scalings(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The scaling of RoPE, or that of each type of layers."""
    for name in ("rope_parameters", "rope_scaling"):
        found = config.get(name)
        if isinstance(found, Mapping) and found:
            inner = [one for one in found.values() if isinstance(one, Mapping)]
            yield from inner or [found]
            return


def _kind(scaling: Mapping[str, Any]) -> str:
    return str(scaling.get("rope_type") or scaling.get("type") or "default")
