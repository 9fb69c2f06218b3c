"""Environments, models and code: the versioned assets of workspaces and registries."""
