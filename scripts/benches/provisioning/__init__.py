"""What `bench provision` compares: gatelift, a script with azure-ai-ml, raw Resource Manager."""
