"""Tiny models of many architectures: what their configuration classes of transformers are given."""

import json
from pathlib import Path
from typing import Any

from infra.sizing.architecture.defaults import DEFAULTS as DEFAULTS

PUBLIC = Path(__file__).resolve().parents[1] / "configs"
LANGUAGE_MODELS = {"mistral": "MistralForCausalLM", "gemma3_text": "Gemma3ForCausalLM"}

FIELDS = [
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_size",
    "vocab_size",
    "max_position_embeddings",
    "sliding_window",
    "num_experts_per_tok",
    "tie_word_embeddings",
]
BASE: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 256,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64}
MLA = {
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "q_lora_rank": 64,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "moe_intermediate_size": 64,
    "num_key_value_heads": 4,
    "topk_method": "noaux_tc",
}
MAMBA2 = {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 64, "mamba_n_groups": 1, "mamba_expand": 2}
DELTA = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
    "head_dim": 64,
    "shared_expert_intermediate_size": 64,
    "decoder_sparse_step": 1,
}
ALONE = {"num_attention_heads", "num_key_value_heads", "max_position_embeddings"}  # what models without attention lack

# Name: the configuration class, what it is given beside BASE, and the class of the model.
TINY: dict[str, tuple[str, dict[str, Any], str]] = {
    "llama": ("LlamaConfig", {}, "LlamaForCausalLM"),
    "qwen2": ("Qwen2Config", {"sliding_window": 128, "use_sliding_window": False}, "Qwen2ForCausalLM"),
    "qwen3": ("Qwen3Config", {"head_dim": 32}, "Qwen3ForCausalLM"),
    "qwen3-moe": ("Qwen3MoeConfig", {"head_dim": 32, **EXPERTS}, "Qwen3MoeForCausalLM"),
    "mixtral": ("MixtralConfig", {"num_local_experts": 4, "num_experts_per_tok": 2}, "MixtralForCausalLM"),
    "mistral-sliding": ("MistralConfig", {"sliding_window": 128, "head_dim": 32}, "MistralForCausalLM"),
    "phi3": ("Phi3Config", {"num_key_value_heads": 1}, "Phi3ForCausalLM"),
    "gemma2": ("Gemma2Config", {"head_dim": 32, "sliding_window": 128}, "Gemma2ForCausalLM"),
    "gemma3": (
        "Gemma3TextConfig",
        {"head_dim": 32, "sliding_window": 128, "num_hidden_layers": 8},
        "Gemma3ForCausalLM",
    ),
    "gemma4": (
        "Gemma4TextConfig",
        {
            "head_dim": 32,
            "global_head_dim": 64,
            "sliding_window": 128,
            "num_hidden_layers": 12,
            "num_kv_shared_layers": 4,
            "hidden_size_per_layer_input": 32,
            "vocab_size_per_layer_input": 256,
        },
        "Gemma4ForCausalLM",
    ),
    "gpt-oss": (
        "GptOssConfig",
        {
            "head_dim": 32,
            "sliding_window": 128,
            "num_hidden_layers": 5,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
        },
        "GptOssForCausalLM",
    ),
    "cohere2": ("Cohere2Config", {"sliding_window": 128}, "Cohere2ForCausalLM"),
    "olmo3": ("Olmo3Config", {"sliding_window": 128}, "Olmo3ForCausalLM"),
    "llama4": (
        "Llama4TextConfig",
        {"head_dim": 32, "attention_chunk_size": 128, "num_local_experts": 4, "intermediate_size_mlp": 128},
        "Llama4ForCausalLM",
    ),
    "deepseek-v3": ("DeepseekV3Config", MLA, "DeepseekV3ForCausalLM"),
    "granite-hybrid": (
        "GraniteMoeHybridConfig",
        {
            **MAMBA2,
            "num_hidden_layers": 5,
            "layer_types": ["mamba", "mamba", "attention", "mamba", "mamba"],
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "shared_intermediate_size": 64,
        },
        "GraniteMoeHybridForCausalLM",
    ),
    "falcon-h1": ("FalconH1Config", {**MAMBA2, "mamba_d_ssm": 128}, "FalconH1ForCausalLM"),
    "jamba": (
        "JambaConfig",
        {
            "num_experts": 4,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "mamba_d_state": 16,
            "use_mamba_kernels": False,
        },
        "JambaForCausalLM",
    ),
    "mamba": ("MambaConfig", {"state_size": 16}, "MambaForCausalLM"),
    "mamba2": ("Mamba2Config", {"num_heads": 8, "head_dim": 16, "n_groups": 1, "state_size": 64}, "Mamba2ForCausalLM"),
    "nemotron-h": (
        "NemotronHConfig",
        {
            "hybrid_override_pattern": "M-M*-",
            "mamba_num_heads": 8,
            "mamba_head_dim": 16,
            "ssm_state_size": 64,
            "n_groups": 2,
            "head_dim": 32,
        },
        "NemotronHForCausalLM",
    ),
    "qwen3-next": ("Qwen3NextConfig", {**EXPERTS, **DELTA}, "Qwen3NextForCausalLM"),
    "lfm2": (
        "Lfm2Config",
        {
            "layer_types": ["conv", "conv", "full_attention", "conv"],
            "block_multiple_of": 32,
            "block_ff_dim": 128,
            "block_ffn_dim_multiplier": 1.0,
            "block_auto_adjust_ff_dim": True,
            "conv_dim": 64,
            "block_dim": 64,
        },
        "Lfm2ForCausalLM",
    ),
    "xlm-roberta": (
        "XLMRobertaConfig",
        {"type_vocab_size": 1, "position_embedding_type": "absolute"},
        "XLMRobertaModel",
    ),
}

# More of them, which only `vllm_specs.py FOLDER all` starts: what vLLM said is in recorded.json.
MORE: dict[str, tuple[str, dict[str, Any], str]] = {
    "apertus": ("ApertusConfig", {}, "ApertusForCausalLM"),
    "arcee": ("ArceeConfig", {}, "ArceeForCausalLM"),
    "cohere": ("CohereConfig", {}, "CohereForCausalLM"),
    "deepseek-v2": ("DeepseekV2Config", {**MLA, "topk_method": "greedy"}, "DeepseekV2ForCausalLM"),
    "ernie": ("Ernie4_5Config", {"head_dim": 32}, "Ernie4_5ForCausalLM"),
    "ernie-moe": (
        "Ernie4_5_MoeConfig",
        {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 64},
        "Ernie4_5_MoeForCausalLM",
    ),
    "exaone4": ("Exaone4Config", {"sliding_window": 128}, "Exaone4ForCausalLM"),
    "falcon-mamba": ("FalconMambaConfig", {"state_size": 16}, "FalconMambaForCausalLM"),
    "gemma": ("GemmaConfig", {"head_dim": 32}, "GemmaForCausalLM"),
    "glm4": ("Glm4Config", {"head_dim": 32}, "Glm4ForCausalLM"),
    "glm4-moe": (
        "Glm4MoeConfig",
        {
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 64,
            "n_group": 1,
            "topk_group": 1,
            "head_dim": 32,
        },
        "Glm4MoeForCausalLM",
    ),
    "glm4-moe-lite": ("Glm4MoeLiteConfig", MLA, "Glm4MoeLiteForCausalLM"),
    "gemma4-k-eq-v": (
        "Gemma4TextConfig",
        {
            "head_dim": 32,
            "global_head_dim": 64,
            "num_global_key_value_heads": 1,
            "attention_k_eq_v": True,
            "sliding_window": 128,
            "num_hidden_layers": 12,
            "hidden_size_per_layer_input": 32,
            "vocab_size_per_layer_input": 256,
        },
        "Gemma4ForCausalLM",
    ),
    "gemma3n": (
        "Gemma3nTextConfig",
        {
            "head_dim": 32,
            "sliding_window": 128,
            "num_hidden_layers": 10,
            "num_kv_shared_layers": 5,
            "hidden_size_per_layer_input": 32,
            "vocab_size_per_layer_input": 256,
            "activation_sparsity_pattern": None,
            "intermediate_size": 128,
        },
        "Gemma3nForCausalLM",
    ),
    "gpt-neox": ("GPTNeoXConfig", {}, "GPTNeoXForCausalLM"),
    "granite": ("GraniteConfig", {}, "GraniteForCausalLM"),
    "granite-moe": ("GraniteMoeConfig", {"num_local_experts": 4}, "GraniteMoeForCausalLM"),
    "granite-moe-shared": (
        "GraniteMoeSharedConfig",
        {"num_local_experts": 4, "shared_intermediate_size": 64},
        "GraniteMoeSharedForCausalLM",
    ),
    "ministral3": ("Ministral3Config", {"head_dim": 32}, "Ministral3ForCausalLM"),
    "nemotron": ("NemotronConfig", {"head_dim": 32}, "NemotronForCausalLM"),
    "olmo": ("OlmoConfig", {}, "OlmoForCausalLM"),
    "olmo2": ("Olmo2Config", {}, "Olmo2ForCausalLM"),
    "olmoe": ("OlmoeConfig", {"num_experts": 4, "num_experts_per_tok": 2}, "OlmoeForCausalLM"),
    "phi": ("PhiConfig", {}, "PhiForCausalLM"),
    "qwen2-moe": (
        "Qwen2MoeConfig",
        {
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 64,
            "shared_expert_intermediate_size": 64,
        },
        "Qwen2MoeForCausalLM",
    ),
    "qwen2-sliding": (
        "Qwen2Config",
        {"sliding_window": 128, "use_sliding_window": True, "max_window_layers": 0},
        "Qwen2ForCausalLM",
    ),
    "seed-oss": ("SeedOssConfig", {"head_dim": 32}, "SeedOssForCausalLM"),
    "smollm3": ("SmolLM3Config", {}, "SmolLM3ForCausalLM"),
    "stablelm": ("StableLmConfig", {}, "StableLmForCausalLM"),
    "starcoder2": ("Starcoder2Config", {"sliding_window": 128}, "Starcoder2ForCausalLM"),
    "bert": ("BertConfig", {"position_embedding_type": "absolute"}, "BertModel"),
    "roberta": ("RobertaConfig", {"position_embedding_type": "absolute", "type_vocab_size": 1}, "RobertaModel"),
    "modernbert": ("ModernBertConfig", {"local_attention": 64, "global_attn_every_n_layers": 2}, "ModernBertModel"),
}


def fields_of(name: str) -> dict[str, Any]:
    """What the configuration class of this model is given."""
    fields = {**BASE, **(TINY | MORE)[name][1]}
    return {
        key: value
        for key, value in fields.items()
        if name not in ("mamba", "mamba2", "falcon-mamba") or key not in ALONE
    }


def public_configs() -> dict[str, dict[str, Any]]:
    """The config.json of public models, by the names of their files."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(PUBLIC.glob("*.json"))}


def without_vision(config: dict[str, Any]) -> dict[str, Any]:
    """The language model alone: to read more, vLLM needs torchvision, which these tests do without."""
    inner = config.get("text_config")
    if inner is None:
        return config
    return {"torch_dtype": config["torch_dtype"], **inner, "architectures": [LANGUAGE_MODELS[inner["model_type"]]]}
