"""The autoscale setting of a deployment."""
