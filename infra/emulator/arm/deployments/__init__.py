"""Deployments of online endpoints; `arm.routes` collects their routes and work."""
