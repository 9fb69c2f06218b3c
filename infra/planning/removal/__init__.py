"""Finds what `gatelift down` deletes, and what it leaves and why."""
