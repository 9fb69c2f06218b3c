"""Runs deployments as processes on this machine."""
