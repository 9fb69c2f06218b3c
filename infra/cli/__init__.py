"""The gatelift command."""
