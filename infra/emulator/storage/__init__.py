"""Blob storage: the service over HTTP, and the blobs that Resource Manager and the host read."""
