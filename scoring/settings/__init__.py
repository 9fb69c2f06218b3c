"""What a process is told: `vllm serve` arguments or the environment's variables, read once at the edge."""
