"""What this machine has for a model that `--local` serves: memory, GPUs, and the build of vLLM."""
