"""How tool calls in the form of Hermes and Qwen are read; knows nothing of vLLM, used by the repair `tool_calls`."""
