"""Weights as Azure ML model versions: those that gatelift brings into the workspace, and those of others."""
