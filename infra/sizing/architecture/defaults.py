"""What a field of config.json is where it is missing: the defaults of the classes of transformers 5.19."""

from __future__ import annotations

from msgspec import Struct


class Defaults(Struct, frozen=True):
    """One model type's; None where it follows from other fields, or there is none."""

    num_hidden_layers: int
    num_attention_heads: int | None
    num_key_value_heads: int | None
    head_dim: int | None
    hidden_size: int
    vocab_size: int
    max_position_embeddings: int | None
    sliding_window: int | None
    experts: int | None
    num_experts_per_tok: int | None
    tie_word_embeddings: bool


DEFAULTS: dict[str, Defaults] = {
    "llama": Defaults(32, 32, None, None, 4096, 32000, 2048, None, None, None, False),
    "mistral": Defaults(32, 32, 8, None, 4096, 32000, 131072, 4096, None, None, False),
    "ministral3": Defaults(34, 32, 8, 128, 4096, 131072, 262144, None, None, None, False),
    "mixtral": Defaults(32, 32, 8, None, 4096, 32000, 131072, None, 8, 2, False),
    "qwen2": Defaults(32, 32, 32, None, 4096, 151936, 32768, None, None, None, False),
    "qwen2_moe": Defaults(24, 16, 16, None, 2048, 151936, 32768, None, 60, 4, False),
    "qwen3": Defaults(32, 32, 32, 128, 4096, 151936, 32768, None, None, None, False),
    "qwen3_moe": Defaults(24, 32, 4, None, 2048, 151936, 32768, None, 128, 8, False),
    "qwen3_next": Defaults(48, 16, 2, 256, 2048, 151936, 32768, None, 512, 10, False),
    "qwen3_5_text": Defaults(32, 16, 4, 256, 4096, 248320, 32768, None, None, None, False),
    "qwen3_5_moe_text": Defaults(40, 16, 2, 256, 2048, 248320, 32768, None, 256, 8, False),
    "phi": Defaults(24, 32, None, None, 2048, 51200, 2048, None, None, None, False),
    "phi3": Defaults(32, 32, None, None, 3072, 32064, 4096, None, None, None, False),
    "phimoe": Defaults(32, 32, 8, None, 4096, 32064, 131072, None, 16, 2, False),
    "gemma": Defaults(28, 16, 16, 256, 3072, 256000, 8192, None, None, None, True),
    "gemma2": Defaults(26, 8, 4, 256, 2304, 256000, 8192, 4096, None, None, True),
    "gemma3_text": Defaults(26, 8, 4, 256, 2304, 262208, 131072, 4096, None, None, True),
    "gemma3n_text": Defaults(35, 8, 2, 256, 2048, 262400, 32768, 512, None, None, True),
    "gemma4_text": Defaults(30, 8, 4, 256, 2304, 262144, 131072, 512, None, None, True),
    "granite": Defaults(32, 32, None, None, 4096, 32000, 2048, None, None, None, False),
    "granitemoe": Defaults(32, 32, None, None, 4096, 32000, 2048, None, 8, 2, False),
    "granitemoeshared": Defaults(32, 32, None, None, 4096, 32000, 2048, None, 8, 2, False),
    "granitemoehybrid": Defaults(32, 32, None, None, 4096, 32000, 2048, None, 8, 2, False),
    "gpt_oss": Defaults(36, 64, 8, 64, 2880, 201088, 131072, 128, 128, 4, False),
    "deepseek_v2": Defaults(32, 32, None, 64, 4096, 102400, 2048, None, 64, None, False),
    "deepseek_v3": Defaults(61, 128, 128, 64, 7168, 129280, 4096, None, 256, 8, False),
    "deepseek_v32": Defaults(61, 128, 128, 64, 7168, 129280, 163840, None, 256, 8, False),
    "cohere": Defaults(40, 64, None, None, 8192, 256000, 8192, None, None, None, True),
    "cohere2": Defaults(40, 64, None, None, 8192, 256000, 8192, 4096, None, None, True),
    "olmo": Defaults(32, 32, None, None, 4096, 50304, 2048, None, None, None, False),
    "olmo2": Defaults(32, 32, None, None, 4096, 50304, 2048, None, None, None, False),
    "olmo3": Defaults(32, 32, None, None, 4096, 50304, 2048, 4096, None, None, False),
    "olmoe": Defaults(16, 16, None, None, 2048, 50304, 4096, None, 64, 8, False),
    "smollm3": Defaults(36, 16, 4, None, 2048, 128256, 32768, None, None, None, True),
    "exaone4": Defaults(32, 32, 32, None, 4096, 102400, 2048, 4096, None, None, False),
    "starcoder2": Defaults(30, 24, 2, None, 3072, 49152, 4096, None, None, None, True),
    "jamba": Defaults(32, 32, 8, None, 4096, 65536, 262144, None, 16, 2, False),
    "mamba": Defaults(32, None, None, None, 768, 50280, None, None, None, None, True),
    "mamba2": Defaults(64, None, None, 64, 4096, 32768, None, None, None, None, False),
    "falcon_mamba": Defaults(32, None, None, None, 768, 50280, None, None, None, None, True),
    "nemotron_h": Defaults(4, 32, 8, 128, 4096, 131072, 4096, None, 8, 2, False),
    "nemotron": Defaults(32, 48, None, None, 6144, 256000, 4096, None, None, None, False),
    "falcon_h1": Defaults(32, 32, 8, None, 4096, 128000, 8192, None, None, None, False),
    "lfm2": Defaults(32, 32, 8, None, 2560, 65536, 128000, None, None, None, True),
    "llama4_text": Defaults(48, 40, 8, 128, 5120, 202048, 131072, None, 16, 1, False),
    "bert": Defaults(12, 12, None, None, 768, 30522, 512, None, None, None, True),
    "roberta": Defaults(12, 12, None, None, 768, 50265, 512, None, None, None, True),
    "xlm-roberta": Defaults(12, 12, None, None, 768, 30522, 512, None, None, None, True),
    "modernbert": Defaults(22, 12, None, None, 768, 50368, 8192, 64, None, None, True),
    "glm4": Defaults(40, 32, 2, 128, 4096, 151552, 131072, None, None, None, False),
    "glm4_moe": Defaults(46, 96, 8, None, 4096, 151552, 131072, None, 128, 8, False),
    "glm4_moe_lite": Defaults(47, 20, 20, 64, 2048, 154880, 202752, None, 64, 4, False),
    "minimax_m2": Defaults(62, 48, 8, 128, 3072, 200064, 196608, None, 256, 8, False),
    "stablelm": Defaults(32, 32, 32, None, 2560, 50304, 4096, None, None, None, False),
    "gpt_neox": Defaults(44, 64, None, None, 6144, 50432, 2048, None, None, None, False),
    "qwen2_vl_text": Defaults(80, 64, 8, None, 8192, 152064, 32768, None, None, None, False),
    "qwen2_5_vl_text": Defaults(80, 64, 8, None, 8192, 152064, 32768, None, None, None, False),
    "qwen3_vl_text": Defaults(32, 32, 32, 128, 4096, 151936, 128000, None, None, None, False),
    "qwen3_vl_moe_text": Defaults(24, 16, 16, None, 2048, 151936, 128000, None, 60, 4, True),
    "ernie4_5": Defaults(18, 16, 2, 128, 1024, 103424, 131072, None, None, None, True),
    "ernie4_5_moe": Defaults(28, 20, 4, None, 2560, 103424, 131072, None, 64, 6, True),
    "apertus": Defaults(32, 32, None, None, 4096, 131072, 65536, None, None, None, False),
    "seed_oss": Defaults(64, 80, 8, 128, 4096, 155136, 524288, None, None, None, False),
    "arcee": Defaults(32, 32, None, None, 2560, 32000, 4096, None, None, None, False),
}
