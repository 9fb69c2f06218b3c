"""What `deployment.autoscale` becomes in Azure Monitor."""

from typing import Any

import pytest

from infra.emulator.arm.autoscale_rules import check_setting
from infra.resources.scaling.profiles import ENDING, Scaled, in_words, profile_name, profiles
from infra.spec.autoscale import AutoscaleSpec
from infra.spec.check import read_as

ENDPOINT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/chat"
)
SCALED = Scaled(ENDPOINT, f"{ENDPOINT}/deployments/blue", gpu=True)


def made(scaled: Scaled = SCALED, **written: Any) -> list[dict[str, Any]]:
    found = profiles(read_as(AutoscaleSpec, {"max": 4, **written}), scaled)
    check_setting({"profiles": found})  # as strictly as the emulator reads the document of the interface
    return found


def said(**written: Any) -> list[str]:
    return [words_of(profile) for profile in made(**written)]


def words_of(profile: dict[str, Any]) -> str:
    return "; ".join(in_words(profile).values())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        pytest.param(
            {"target": 60},
            "1 to 4; +1 if RequestsPerMinute per instance of chat, deployment = blue > 60, then wait 5m; "
            "-1 if RequestsPerMinute per instance of chat, deployment = blue < 30, then wait 5m",
            id="requests",
        ),
        pytest.param(
            {"min": 2, "metric": "latency", "target": "8s", "cool_down": "90s"},
            "2 to 4; +1 if RequestLatency_P95 of chat, deployment = blue > 8000, then wait 90s; "
            "-1 if GpuUtilizationPercentage of blue < 50, then wait 90s",
            id="latency-goes-in-by-idleness",
        ),
        pytest.param(
            {"metric": "gpu"},
            "1 to 4; +1 if GpuUtilizationPercentage of blue > 70, then wait 5m; "
            "-1 if GpuUtilizationPercentage of blue < 35, then wait 5m",
            id="gpu",
        ),
    ],
)
def test_a_metric_is_two_rules(written: dict[str, Any], words: str) -> None:
    assert said(**written) == [words]


def test_a_size_without_gpus_is_idle_by_its_cpu() -> None:
    (profile,) = made(Scaled(ENDPOINT, f"{ENDPOINT}/deployments/blue", gpu=False), metric="latency", target="8s")
    assert profile["rules"][1]["metricTrigger"]["metricName"] == "CpuUtilizationPercentage"


def test_a_schedule_is_two_profiles() -> None:
    begin, end = made(metric="schedule", schedule="weekdays 8-18:30 Europe/Berlin")
    assert (begin["capacity"], begin["rules"], end["rules"]) == (dict.fromkeys(begin["capacity"], "4"), [], [])
    assert end["capacity"] == dict.fromkeys(end["capacity"], "1")
    assert end["name"] == ENDING == '{"name":"Auto created default scale condition","for":"scheduled"}'
    assert words_of(begin) == "4; from Mon-Fri 8:00 W. Europe Standard Time"
    assert words_of(end) == "1; from Mon-Fri 18:30 W. Europe Standard Time"


def test_a_schedule_beside_a_metric_bounds_when_it_scales() -> None:
    begin, end = said(target=60, min=2, schedule="sat 22-6 UTC")
    assert begin.startswith("2 to 4; from Sat 22:00 UTC; +1 if RequestsPerMinute")
    assert end == "2; from Sun 6:00 UTC"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"timeWindow": "PT10M"}, "(Average Average 1m 10m)", id="window"),
        pytest.param({"operator": "GreaterThanOrEqual"}, "≥ 60", id="operator"),
        pytest.param({"dividePerInstance": False}, "RequestsPerMinute of chat", id="for-all-instances"),
        pytest.param({"dimensions": []}, "of chat > 60", id="dimensions"),
        pytest.param({"threshold": 61}, "> 61", id="threshold"),
        pytest.param({"metricResourceUri": "/x/other"}, "of other", id="resource"),
    ],
)
def test_words_tell_every_change_of_a_rule(change: dict[str, Any], words: str) -> None:
    (profile,) = made(target=60)
    before = words_of(profile)
    profile["rules"][0]["metricTrigger"] |= change
    assert words in words_of(profile)
    assert words_of(profile) != before


def test_one_length_of_time_has_one_spelling() -> None:
    (profile,) = made(target=60)
    before = words_of(profile)
    profile["rules"][0]["scaleAction"]["cooldown"] = "PT5M"
    profile["rules"][0]["metricTrigger"] |= {"timeWindow": "PT300S", "threshold": 60.0, "metricNamespace": ""}
    assert words_of(profile) == before


def test_the_ending_profile_is_known_however_it_is_spaced() -> None:
    spaced = '{"name": "Auto created default scale condition", "for": "scheduled"}'
    assert [profile_name(each) for each in (ENDING, spaced, "always")] == ["otherwise", "otherwise", "always"]
