"""Quota, its usage and VM sizes; deployments are checked against it."""
