"""Runs deployments as processes on this machine, for Resource Manager and the front ends."""
