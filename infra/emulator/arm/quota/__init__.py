"""Usages, quotas and VM sizes."""
