"""Online deployments."""
