"""Opens what a question about sizes needs and no workspace has: the Hub, and Azure's prices."""

from collections.abc import MutableMapping

from msgspec import Struct

from infra.azure.azure_clouds import PUBLIC, find_cloud
from infra.azure.prices.currency import read_currency
from infra.azure.prices.prices import Prices, open_prices
from infra.azure.target import prices_at, without_proxy
from infra.clock import SystemClock
from infra.emulator import launcher
from infra.hub.access import Hub
from infra.hub.refusals import PUBLIC_HUB
from infra.hub_behind import hub_behind, is_offline, tell_hub_behind
from infra.paths import default_emulator_state
from infra.proxies import refuse_unusable_proxies
from infra.timeouts import Timeouts, read_timeouts


class Market(Struct, frozen=True):
    """Where models are looked up and prices are asked for."""

    hub: Hub
    prices: Prices


def open_market(
    *,
    local: bool,
    environ: MutableMapping[str, str],
    currency: str | None = None,
    cloud: str | None = None,
    timeouts: Timeouts | None = None,
) -> Market:
    """Open both of the world; with `local` those of the emulator, which is started if it is not running.

    `cloud` is the spec's, or the environment's: Azure's list has the prices of the public one alone.
    """
    shown_in, clock = read_currency(environ, currency), SystemClock()
    patience = timeouts or read_timeouts(environ)
    if not local:
        refuse_unusable_proxies(environ)
        hub = Hub(environ.get("HF_ENDPOINT") or PUBLIC_HUB, timeouts=patience, offline=is_offline(environ))
        public = find_cloud(cloud, environ) == PUBLIC
        return Market(hub, open_prices(environ, currency=shown_in, clock=clock, public=public))
    profile = launcher.start(default_emulator_state(environ))
    tell_hub_behind(profile.portal, hub_behind(environ, own_hub=profile.hub, own_bundle=str(profile.ca_bundle)))
    environ.update(without_proxy(environ))
    prices = open_prices(environ, url=prices_at(profile.portal), currency=shown_in, clock=clock)
    return Market(Hub(profile.hub, local=True, timeouts=patience), prices)
