"""The programs that `scripts/bench provision` compares: gatelift, a script with azure-ai-ml, raw requests."""
