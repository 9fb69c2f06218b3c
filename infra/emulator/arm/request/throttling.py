"""The request rates that Resource Manager allows a principal.

Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

import math

from infra.emulator.gateway.token_bucket import TokenBucket
from infra.emulator.state.settings import Settings

# Kind of operation -> size and refill per second of the bucket of one principal in one subscription.
RATES = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
# The buckets of a whole subscription are larger by this factor.
GLOBAL_FACTOR = 15


class Throttle:
    """Counts requests to Resource Manager as Azure does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}

    def count(self, method: str, subscription: str, object_id: str) -> tuple[dict[str, str], int]:
        """Count a request: headers with the remaining ones, and the seconds to wait, 0 if it is allowed."""
        kind = KINDS.get(method, "writes")
        size, rate = RATES[kind]
        own = self._bucket((subscription, object_id, kind), size, rate)
        everybody = self._bucket((subscription, "", kind), size * GLOBAL_FACTOR, rate * GLOBAL_FACTOR)
        refuses = bool(self._settings["throttle_requests"]) and own.held < 1
        wait = math.ceil((1 - own.held) / rate) if refuses else 0
        if not refuses:
            for bucket in (own, everybody):
                if bucket.held >= 1:
                    bucket.take()
        left = {f"subscription-{kind}": own.held, f"subscription-global-{kind}": everybody.held}
        return {f"x-ms-ratelimit-remaining-{name}": str(int(held)) for name, held in left.items()}, wait

    def _bucket(self, key: tuple[str, str, str], size: float, rate: float) -> TokenBucket:
        if key not in self._buckets:
            self._buckets[key] = TokenBucket(size, rate)
        return self._buckets[key]
