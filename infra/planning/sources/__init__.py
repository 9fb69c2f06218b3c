"""Finds out where the spec's model and adapters come from, and what has to be brought into the workspace."""
