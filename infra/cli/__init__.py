"""The command `gatelift`: parses arguments, calls `infra.operations` and prints; nothing imports it."""
