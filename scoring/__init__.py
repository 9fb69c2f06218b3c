"""The scoring server: runs inside the container, uploaded alone as the code asset."""
