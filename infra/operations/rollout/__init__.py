"""Moves requests to a new deployment in steps, and back where it does not keep to its limits."""
