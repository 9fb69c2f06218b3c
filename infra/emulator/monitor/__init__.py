"""Azure Monitor: the metrics of endpoints and deployments, and autoscale settings that act on them."""
