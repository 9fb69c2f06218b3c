"""Locks: ours, which let one command at a time change a stack, and Azure's own of an endpoint."""
