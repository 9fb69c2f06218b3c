"""Reads a model's config.json as vLLM 0.32 does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.errors import printable
from infra.sizing.architecture.families import FAMILIES, TEXT, WRAPPERS, Family
from infra.sizing.architecture.fields import Fields, language_part
from infra.sizing.architecture.layers import sorted_layers
from infra.sizing.architecture.length import longest_sequence
from infra.sizing.architecture.quantization import read_quantization
from infra.sizing.architecture.records import Architecture, Experts, LayerGroup, Quantization
from infra.sizing.architecture.states import divisors

CLASSIFIES, GENERATES = "ForSequenceClassification", "ForCausalLM"
WITH_IMAGES = ("vision_config", "vision_tower", "visual", "vit_config", "vision_tower_config")
UNSTATED = {"gemma3": "gemma3_text", "llama4": "llama4_text", "qwen3_vl": "qwen3_vl_text", "qwen3_5": "qwen3_5_text"}
SPELLINGS = {"half": "float16"}
DEEPEST = 10_000  # layers, of which there are lists
DTYPES = ("auto", "bfloat16", "float16", "float32")


def read_architecture(config: Mapping[str, Any]) -> Architecture:
    """The architecture; it never raises: what is unknown is said in `unknown`."""
    if not isinstance(config, Mapping):
        return Architecture("", known=False, unknown="config.json is no JSON object")
    part = language_part(config)
    fields = Fields(part, _language(config, part))
    name = _name(config)
    family = FAMILIES.get(fields.model_type)
    unknown = _unknown(config, name, family, fields.model_type)
    depth = fields.number("num_hidden_layers", "n_layer", "num_layers") or 0
    if fields.model_type == "nemotron_h":
        depth = len(fields.text("hybrid_override_pattern") or fields.texts("layers_block_type"))
    encoder = family is not None and (family.rule == "encoder" or fields.flag("use_bidirectional_attention"))
    layers: tuple[LayerGroup, ...] = ()
    if family and not unknown:
        if not 0 < depth <= DEEPEST:
            fields.faults.append(f"config.json has {depth or 'no'} layers (num_hidden_layers)")
        elif not encoder:
            layers = sorted_layers(fields, family, depth)
    heads = fields.number("num_attention_heads", "n_head") or 0
    experts, quantization = _experts(fields), read_quantization(config, part)
    dtype = _dtype(config, part, encoder=encoder)
    wrong = [one for one in (dtype, *(state.dtype for one in layers for state in one.state)) if one not in DTYPES]
    fields.faults += [f"config.json has a dtype that nobody knows, {one!r}" for one in wrong]
    (longest, most), vocabulary = longest_sequence(config, fields), fields.number("vocab_size") or 0
    hidden = fields.number("hidden_size", "n_embd", "d_model") or 0
    return Architecture(
        name,
        known=not unknown and not fields.faults,
        unknown=unknown or "; ".join(dict.fromkeys(fields.faults)),
        model_type=fields.model_type,
        layers=layers,
        heads=heads,
        kv_heads=max((one.kv_heads for one in layers), default=0),
        hidden=hidden,
        depth=depth,
        vocabulary=vocabulary,
        longest=longest,
        most=most,
        dtype=dtype,
        stored=_stated_dtype(config, part),
        encoder_only=encoder,
        experts=experts,
        vision=any(isinstance(config.get(one), Mapping) for one in WITH_IMAGES),
        tied=_tied(config, fields),
        quantization=quantization,
        also_divided=divisors(fields) if any(not one.keeps_tokens for one in layers) else (),
        remote_code=isinstance(config.get("auto_map"), Mapping),
        notes=_notes(quantization, family),
    )


def _language(config: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """The model type of the language model."""
    stated = part.get("model_type")
    if isinstance(stated, str) and stated:
        return stated if part is config or stated not in UNSTATED else UNSTATED[stated]
    return UNSTATED.get(str(config.get("model_type")), "")


def _name(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    if isinstance(names, list) and names and isinstance(names[0], str):
        return printable(names[0])
    return ""


def _unknown(config: Mapping[str, Any], name: str, family: Family | None, model_type: str) -> str:
    """Why the architecture is not known; empty for a known one."""
    if not name:  # vLLM goes by `model_type` then
        return "" if family else "config.json names no architecture (`architectures`)"
    own = " that the repository brings itself (auto_map)" if config.get("auto_map") else ""
    generates = name.removesuffix(CLASSIFIES) + GENERATES if name.endswith(CLASSIFIES) else name
    if not {name, generates} & (TEXT | WRAPPERS):
        return f"{name}{own} is none of the architectures whose memory gatelift knows"
    if family is None:
        return f"{name} has a language model of type {model_type!r}, whose memory gatelift does not know"
    return ""


def _experts(fields: Fields) -> Experts | None:
    count = fields.number("num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts", "experts")
    active = fields.number("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_k")
    return Experts(count, active) if count and count > 1 and active else None


def _dtype(config: Mapping[str, Any], part: Mapping[str, Any], *, encoder: bool) -> str:
    """In which vLLM computes: what config.json says, and half of it where that is float32."""
    found = _stated_dtype(config, part)
    if found in ("float32", "float", ""):
        return "float16" if encoder else "bfloat16"
    return SPELLINGS.get(found, found)


def _stated_dtype(config: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    for level in (config, part):
        for field in ("dtype", "torch_dtype"):
            stated = level.get(field)
            if isinstance(stated, str):
                return printable(stated.removeprefix("torch."))
    return ""


def _tied(config: Mapping[str, Any], fields: Fields) -> bool:
    if isinstance(config.get("tie_word_embeddings"), bool):
        return bool(config["tie_word_embeddings"])
    return fields.flag("tie_word_embeddings")


def _notes(quantization: Quantization | None, family: Family | None) -> tuple[str, ...]:
    notes = []
    if family and family.rule == "encoder":
        notes.append("it has no KV cache: an encoder reads a text at once")
    if quantization and quantization.cache_dtype:
        notes.append(f"its repository asks for a KV cache of {quantization.cache_dtype}")
    return tuple(notes)
