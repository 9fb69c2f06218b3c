"""The addresses of a running emulator."""

from dataclasses import dataclass


@dataclass
class Urls:
    """Base URLs without a trailing slash; the server fills them in before the first request."""

    resource_manager: str = ""
    hub: str = ""
    identity_endpoint: str = ""
    portal: str = ""
