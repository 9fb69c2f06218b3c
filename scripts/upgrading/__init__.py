"""What `scripts/vllm-upgrade` does: find the touched names of vLLM, compare them in two versions, try the tests."""
