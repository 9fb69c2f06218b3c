"""The architectures that are known, by the `model_type` of the language model: what its layers keep in vLLM 0.32."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Rule = Literal["attention", "parity", "mla", "llama4", "mamba", "mamba2", "jamba", "granite", "nemotron", "falcon-h1"]
OtherRule = Literal["gemma4", "delta", "convolution", "encoder"]


class Family(Struct, frozen=True):
    """Model types whose layers are read in the same way."""

    rule: Rule | OtherRule
    mixed: bool = False
    """Whether vLLM gives each layer the window that `layer_types` says, and not one to all or none."""
    pattern: int = 0
    """Where `layer_types` is missing, every n-th layer is full and the others slide; 0 for none."""
    own_head_size: bool = True
    """Whether `head_dim` counts; otherwise it is always hidden_size / num_attention_heads."""


PLAIN = Family("attention")
MIXED = Family("attention", mixed=True)
MLA = Family("mla")
ENCODER = Family("encoder")
DELTA = Family("delta", pattern=4)

FAMILIES: dict[str, Family] = {
    "llama": MIXED,
    "mistral": MIXED,
    "ministral3": MIXED,
    "mixtral": PLAIN,
    "qwen2": PLAIN,
    "qwen2_moe": PLAIN,
    "qwen3": PLAIN,
    "qwen3_moe": PLAIN,
    "qwen2_vl_text": PLAIN,
    "qwen2_vl": PLAIN,
    "qwen2_5_vl_text": PLAIN,
    "qwen2_5_vl": PLAIN,
    "qwen3_vl_text": PLAIN,
    "qwen3_vl_moe_text": PLAIN,
    "phi": PLAIN,
    "phi3": Family("attention", own_head_size=False),
    "phimoe": PLAIN,
    "gemma": PLAIN,
    "gemma2": Family("attention", mixed=True, pattern=2),
    "gemma3_text": Family("attention", mixed=True, pattern=6),
    "gemma3n_text": Family("attention", mixed=True, pattern=5),
    "gemma4_text": Family("gemma4", mixed=True, pattern=6),
    "granite": MIXED,
    "granitemoe": PLAIN,
    "granitemoeshared": PLAIN,
    "granitemoehybrid": Family("granite", own_head_size=False),
    "gpt_oss": Family("parity"),
    "deepseek_v2": MLA,
    "deepseek_v3": MLA,
    "deepseek_v32": MLA,
    "kimi_k2": MLA,
    "glm4_moe_lite": MLA,
    "cohere": PLAIN,
    "cohere2": Family("attention", mixed=True, pattern=4),
    "olmo": PLAIN,
    "olmo2": PLAIN,
    "olmo3": Family("attention", mixed=True, pattern=4),
    "olmoe": PLAIN,
    "smollm3": MIXED,
    "exaone4": Family("attention", mixed=True, pattern=4),
    "starcoder2": PLAIN,
    "nemotron": PLAIN,
    "glm4": PLAIN,
    "glm4_moe": PLAIN,
    "minimax_m2": PLAIN,
    "stablelm": PLAIN,
    "gpt_neox": PLAIN,
    "ernie4_5": PLAIN,
    "ernie4_5_moe": PLAIN,
    "apertus": MIXED,
    "seed_oss": PLAIN,
    "arcee": PLAIN,
    "llama4_text": Family("llama4"),
    "jamba": Family("jamba", own_head_size=False),
    "mamba": Family("mamba"),
    "falcon_mamba": Family("mamba"),
    "mamba2": Family("mamba2"),
    "nemotron_h": Family("nemotron"),
    "falcon_h1": Family("falcon-h1"),
    "qwen3_next": DELTA,
    "qwen3_5_text": DELTA,
    "qwen3_5_moe_text": DELTA,
    "lfm2": Family("convolution", own_head_size=False),
    "bert": ENCODER,
    "roberta": ENCODER,
    "xlm-roberta": ENCODER,
    "modernbert": ENCODER,
}

# Of vLLM's registry: those whose memory follows from the families above, and those that wrap one of them.
TEXT = frozenset(
    {
        *("LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "Ministral3ForCausalLM", "MixtralForCausalLM"),
        *("Qwen2ForCausalLM", "Qwen2MoeForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM"),
        *("Qwen3NextForCausalLM", "Qwen3_5ForCausalLM", "Qwen3_5MoeForCausalLM"),
        *("PhiForCausalLM", "Phi3ForCausalLM", "PhiMoEForCausalLM"),
        *("GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3TextModel", "Gemma3nForCausalLM"),
        *("Gemma4ForCausalLM",),
        *("GraniteForCausalLM", "GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM", "GraniteMoeHybridForCausalLM"),
        *("GptOssForCausalLM", "CohereForCausalLM", "Cohere2ForCausalLM"),
        *("DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "DeepseekV32ForCausalLM", "Glm4MoeLiteForCausalLM"),
        *("OlmoForCausalLM", "Olmo2ForCausalLM", "Olmo3ForCausalLM", "OlmoeForCausalLM", "SmolLM3ForCausalLM"),
        *("Exaone4ForCausalLM", "Starcoder2ForCausalLM", "NemotronForCausalLM", "Glm4ForCausalLM"),
        *("Glm4MoeForCausalLM", "MiniMaxM2ForCausalLM", "StableLmForCausalLM", "GPTNeoXForCausalLM"),
        *("Ernie4_5ForCausalLM", "Ernie4_5_MoeForCausalLM", "ApertusForCausalLM", "SeedOssForCausalLM"),
        *("ArceeForCausalLM", "Llama4ForCausalLM", "JambaForCausalLM", "MambaForCausalLM", "FalconMambaForCausalLM"),
        *("Mamba2ForCausalLM", "NemotronHForCausalLM", "FalconH1ForCausalLM", "Lfm2ForCausalLM"),
        *("LlamaModel", "MistralModel", "Qwen2Model", "Qwen2ForRewardModel"),
        *("BertModel", "RobertaModel", "XLMRobertaModel", "ModernBertModel", "BgeM3EmbeddingModel"),
        *("BertForSequenceClassification", "RobertaForSequenceClassification"),
        *("XLMRobertaForSequenceClassification", "ModernBertForSequenceClassification"),
    }
)
WRAPPERS = frozenset(
    {
        *("Gemma3nForConditionalGeneration", "Gemma4ForConditionalGeneration"),
        *("Gemma3ForConditionalGeneration", "Llama4ForConditionalGeneration", "LlavaForConditionalGeneration"),
        *("LlavaNextForConditionalGeneration", "Mistral3ForConditionalGeneration", "PaliGemmaForConditionalGeneration"),
        *("Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration", "InternVLForConditionalGeneration"),
        *("InternVLChatModel", "KimiVLForConditionalGeneration", "Qwen2VLForConditionalGeneration"),
        *("Qwen2_5_VLForConditionalGeneration", "Qwen3VLForConditionalGeneration"),
        *("Qwen3VLMoeForConditionalGeneration", "Qwen3_5ForConditionalGeneration"),
        *("Qwen3_5MoeForConditionalGeneration", "LightOnOCRForConditionalGeneration"),
    }
)
