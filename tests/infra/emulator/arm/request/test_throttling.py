"""Resource Manager's rates: always counted in the headers, enforced when the settings say so."""

from typing import Any

import httpx

from infra.emulator.arm.request.throttling import Throttle
from infra.emulator.world import World

LEFT = "x-ms-ratelimit-remaining-subscription-reads"


def test_reads_are_counted_and_refused_only_where_that_is_wanted(emulator: Any, arm: Any) -> None:
    first = arm("GET", arm.lab)
    assert 0 < int(first.headers[LEFT]) <= 249
    assert int(first.headers["x-ms-ratelimit-remaining-subscription-global-reads"]) <= 3749
    settings = f"{emulator.portal}/settings"
    httpx.put(settings, json={"throttle_requests": 1}, trust_env=False).raise_for_status()
    try:
        version = {"api-version": "2024-04-01"}
        answers = (arm.client.get(arm.lab, params=version) for _ in range(5000))
        refused = next(answer for answer in answers if answer.status_code != 200)
    finally:
        httpx.put(settings, json={"throttle_requests": 0}, trust_env=False).raise_for_status()
    assert arm.error(refused)[:2] == (429, "TooManyRequests")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers[LEFT] == "0"
    assert arm("GET", arm.lab).status_code == 200


def test_resource_manager_counts_and_refuses_where_it_is_told_to(bare_world: World) -> None:
    throttle = Throttle(bare_world.settings)
    headers, wait = throttle.count("GET", "sub", "ann")
    assert wait == 0
    assert headers == {
        "x-ms-ratelimit-remaining-subscription-reads": "249",
        "x-ms-ratelimit-remaining-subscription-global-reads": "3749",
    }
    for _ in range(300):
        headers, wait = throttle.count("PUT", "sub", "ann")
        assert wait == 0
    assert headers["x-ms-ratelimit-remaining-subscription-writes"] == "0"
    bare_world.settings.update({"throttle_requests": 1})
    assert throttle.count("PUT", "sub", "ann")[1] >= 1
    assert throttle.count("PUT", "sub", "bob")[1] == 0
    assert throttle.count("DELETE", "sub", "ann")[1] == 0
