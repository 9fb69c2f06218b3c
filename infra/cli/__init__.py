"""The gatelift command: parses, calls `infra.operations` and prints."""
