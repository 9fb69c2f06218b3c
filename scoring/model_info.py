"""What /info says of the model."""

from typing import Any

from scoring.vllm_engine import EMBED, GENERATE, VllmEngine


def model_info(engine: VllmEngine) -> dict[str, Any]:
    """Describe the model as the Azure AI Model Inference API does."""
    kinds = {GENERATE: "chat-completion", EMBED: "embeddings"}
    name = engine.names[0]
    return {
        "model_name": name,
        "model_type": next((kind for task, kind in kinds.items() if task in engine.tasks), "chat-completion"),
        "model_provider_name": name.split("/")[0] if "/" in name.strip("/") else "huggingface",
    }
