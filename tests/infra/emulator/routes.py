"""The routes of the tests' container, in Resource Manager's words and in the SDK's."""

PATHS = {"liveness": "/health/live", "readiness": "/health/ready", "scoring": "/v1/chat"}
ARM_ROUTES = {f"{kind}Route": {"port": 5001, "path": path} for kind, path in PATHS.items()}
SDK_ROUTES = {f"{kind}_route": {"port": 5001, "path": path} for kind, path in PATHS.items()}
