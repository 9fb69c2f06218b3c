"""Blob storage: the workspace's own container and what opens it, uploads of assets, and single blobs without an SDK."""
