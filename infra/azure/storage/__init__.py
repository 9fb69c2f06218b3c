"""The workspace's own blob container: what opens it, and requests to its blobs without an SDK."""
