"""How a repository says that its weights are quantized, as vLLM 0.32 reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.errors import printable
from infra.sizing.architecture.records import Quantization

BITS = {"fp8": 8, "fbgemm_fp8": 8, "mxfp4": 4, "modelopt": 8, "modelopt_fp4": 4, "awq": 4, "experts_int8": 8}
ACTIVATIONS = {"fp8": 8, "fbgemm_fp8": 8, "modelopt": 8, "modelopt_fp4": 4}


def read_quantization(*levels: Mapping[str, Any]) -> Quantization | None:
    """The quantization that the first of these levels of config.json states; None where none does."""
    for level in levels:
        for name in ("quantization_config", "compression_config"):
            found = level.get(name)
            if isinstance(found, Mapping) and found:
                return _read(found)
    return None


def _read(found: Mapping[str, Any]) -> Quantization:
    method = printable(str(found.get("quant_method") or "")).lower().replace("compressed_tensors", "compressed-tensors")
    inner = _mapping(found.get("quantization")) or found
    algorithm = str(inner.get("quant_algo") or "").upper()
    if algorithm and method in ("", "modelopt"):
        method = "modelopt_fp4" if "FP4" in algorithm else "modelopt"
    bits, activations = BITS.get(method), ACTIVATIONS.get(method)
    if method == "compressed-tensors":
        bits, activations = _of_groups(found)
    elif method == "bitsandbytes":
        bits = 4 if found.get("load_in_4bit") or found.get("_load_in_4bit") else 8
    elif isinstance(found.get("bits"), int):
        bits = found["bits"]
    elif isinstance(found.get("w_bit"), int):
        bits = found["w_bit"]
    return Quantization(method, bits, activations, _cache_dtype(found, inner))


def _of_groups(found: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The bits of weights and activations, of the first group of layers that compressed-tensors names."""
    for group in _mapping(found.get("config_groups")).values():
        weights, inputs = _mapping(_mapping(group).get("weights")), _mapping(_mapping(group).get("input_activations"))
        return _number(weights.get("num_bits")), _number(inputs.get("num_bits"))
    return None, None


def _cache_dtype(found: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    """`fp8` where the repository has scales for such a KV cache, which vLLM then uses with `kv_cache_dtype: auto`."""
    scheme = _mapping(found.get("kv_cache_scheme")) or _mapping(inner.get("kv_cache_scheme"))
    algorithm = str(inner.get("kv_cache_quant_algo") or "").lower()
    if algorithm == "fp8" or (scheme.get("num_bits") == 8 and scheme.get("type") == "float"):
        return "fp8"
    return ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
