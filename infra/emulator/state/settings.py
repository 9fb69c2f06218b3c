"""Numbers that tests may change over the portal; they are kept across restarts."""

import time
from typing import Any

from infra.emulator.state.store import Store

DEFAULTS: dict[str, float] = {
    # How long a new role assignment has no effect (Azure: up to ten minutes).
    "role_propagation_seconds": 0,
    # How long a long-running operation takes at least.
    "operation_seconds": 0,
    # How far the clock of tokens and assertions is ahead of the machine's: moving it lets them expire.
    "clock_ahead_seconds": 0,
    # Lifetime of the tokens that the identity endpoint hands out, and the most that the token endpoint gives.
    "token_lifetime_seconds": 86_400,
    # Lifetime of the tokens that the token endpoint hands out to applications (Azure: 60 to 90 minutes).
    "application_token_lifetime_seconds": 3_600,
    # How long an assertion of a CI service is good (GitHub: 5 minutes).
    "assertion_lifetime_seconds": 300,
    # Lifetime of an endpoint's AML token.
    "aml_token_lifetime_seconds": 43_200,
    # Retry-After while an operation runs; Azure's contract says 10 to 600.
    "retry_after_seconds": 1,
    # How long an endpoint refuses changes of its deployments after a change of its own has reported success, as Azure
    # sometimes does.
    "endpoint_settle_seconds": 0,
    # How far the storage service's clock, which decides when leases end, is ahead of this machine's.
    "storage_clock_seconds_ahead": 0,
    # 1: Resource Manager answers 429 above Azure's rates; 0: it only counts requests in its headers.
    "throttle_requests": 0,
    # 1: environments can be deleted; 0: only archived, as by azure-ai-ml.
    "delete_environments": 0,
    # 0: storage accounts refuse signatures made with their keys (allowSharedKeyAccess: false).
    "storage_shared_keys": 1,
    # 1: pending uploads of workspaces whose datastores use identity carry a user delegation SAS of whoever asks, 0: no
    # signature. Which of them Azure does is not known.
    "identity_uploads_signed": 0,
    # The most items on a page of a list; Azure documents no number.
    "list_page_size": 100,
    # The most items on a page of a list of the Hub, which gives 1000 files.
    "hub_page_size": 1000,
    # The most endpoints of a subscription in one region.
    "endpoints_per_subscription": 100,
    # Limits of one endpoint, 0 for none; Azure's numbers where Azure documents one.
    "endpoint_requests_per_second": 500,
    "endpoint_bytes_per_second": 5_000_000,
    # 1: requests count as from inside the workspaces' virtual networks; 0: as from outside, where an endpoint without
    # public network access refuses them.
    "endpoint_requests_from_inside": 0,
    # 1: front ends refuse the method DELETE with 405. Whether Azure's pass it on is not known.
    "endpoint_refuses_delete": 0,
    # Azure documents no size; an old preview had 1.5 MB.
    "endpoint_request_bytes": 0,
    "endpoint_response_bytes": 0,
    # The disk of an instance in GB, 0 for what is known of its size; and what an image takes of it.
    "disk_gigabytes": 0,
    "image_gigabytes": 30,
    # Azure Monitor's clock, by which metrics and autoscale go: how many seconds pass on it in one (60: a minute a
    # second, 0: it stands still), and by how many it is set ahead.
    "monitor_speed": 1,
    "monitor_seconds_ahead": 0,
    # 1: minutes without a request have the value 0 of RequestsPerMinute; 0: they have none. Which of them Azure does is
    # not known.
    "monitor_counts_silence": 1,
}


class Settings:
    """Named numbers with defaults."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._values: dict[str, float] = DEFAULTS | (store.record("settings", "current") or {})

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def now(self) -> float:
        """Seconds since 1970 on the clock of tokens and assertions."""
        return time.time() + self._values["clock_ahead_seconds"]

    def all(self) -> dict[str, float]:
        """Every setting with its current value."""
        return dict(self._values)

    def update(self, changes: dict[str, Any]) -> None:
        """Change some of them; `ValueError` names an unknown setting or an invalid value."""
        for name, value in changes.items():
            if name not in DEFAULTS:
                raise ValueError(f"unknown setting {name!r}; there are {', '.join(DEFAULTS)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ValueError(f"setting {name!r} must be a number of at least 0, not {value!r}")
        self._values |= changes
        self._store.put_record("settings", "current", self._values)
