"""The Azure AI Model Inference API: what it takes and answers as typed models, and the same in vLLM's words."""
