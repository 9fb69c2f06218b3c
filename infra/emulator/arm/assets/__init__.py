"""Environments, models and code."""
