"""Online endpoints; `arm.routes` collects their routes and work, deployments share their rules."""
