"""A burst of real requests adds a real instance, silence removes it again, and the metrics tell why."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

V = "2022-10-01"


class Monitored:
    """An endpoint with one deployment in an emulator of its own, whose Azure Monitor's clock stands still."""

    def __init__(self, arm: Any, bodies: Any, portal: str) -> None:
        self.arm, self.portal = arm, portal
        self.patch({"monitor_speed": 0})
        self.endpoint = arm.endpoint("burst", properties={"authMode": "Key"})
        self.blue = f"{self.endpoint}/deployments/blue"
        self.setting = f"{arm.group}/providers/Microsoft.Insights/autoscaleSettings/burst"
        arm.done("PUT", self.blue, bodies["deployment"](arm.assets()))
        body = {"location": "eastus", "tags": {}, "identity": {"type": "SystemAssigned"}}
        arm.done("PUT", self.endpoint, {**body, "properties": {"authMode": "Key", "traffic": {"blue": 100}}})
        self.ahead = 0.0

    def patch(self, settings: dict[str, float]) -> None:
        httpx.patch(f"{self.portal}/settings", json=settings, trust_env=False).raise_for_status()

    def told(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.portal}/autoscale", trust_env=False).json()
        return answer

    def pass_minutes(self, number: int, *, until: Callable[[], bool]) -> None:
        """Let minutes pass on Azure Monitor's clock, and wait until the autoscaler has done what is expected."""
        self.ahead += 60 * number
        self.patch({"monitor_seconds_ahead": self.ahead})
        deadline = time.monotonic() + 60
        while not until():
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.05)

    def count(self) -> int:
        document = self.arm("GET", self.blue).json()
        return int(document["sku"]["capacity"]) if document["properties"]["provisioningState"] == "Succeeded" else -1

    def scale_by(self, *rules: dict[str, Any], most: str = "3", **changes: Any) -> None:
        profile = {"name": "p", "capacity": {"minimum": "1", "maximum": most, "default": "1"}, "rules": list(rules)}
        properties = {"profiles": [profile | changes], "enabled": True, "targetResourceUri": self.blue}
        answer = self.arm("PUT", self.setting, {"location": "eastus", "properties": properties}, version=V)
        assert answer.status_code in (200, 201), answer.text

    def requests_rule(self, direction: str, operator: str, threshold: float) -> dict[str, Any]:
        trigger = {
            "metricName": "RequestsPerMinute",
            "metricResourceUri": self.endpoint,
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": "PT5M",
            "timeAggregation": "Average",
            "operator": operator,
            "threshold": threshold,
            "dividePerInstance": True,
            "dimensions": [{"DimensionName": "deployment", "Operator": "Equals", "Values": ["blue"]}],
        }
        action = {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": "PT5M"}
        return {"metricTrigger": trigger, "scaleAction": action}

    def ask(self, times: int) -> None:
        uri = self.arm("GET", self.endpoint).json()["properties"]["scoringUri"]
        key = self.arm("POST", f"{self.endpoint}/listKeys").json()["primaryKey"]
        with httpx.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:
            for _ in range(times):
                client.post(uri, json={}).raise_for_status()


@pytest.fixture
def monitored(start_emulator: Any, connect: Any, arm_class: Any, bodies: Any) -> Any:
    profile = start_emulator()
    with connect(profile) as client:
        yield Monitored(arm_class(client), bodies, profile.portal)


def test_a_burst_adds_an_instance_and_silence_removes_it(monitored: Monitored, documents: Any) -> None:
    out = monitored.requests_rule("Increase", "GreaterThan", 6)
    monitored.scale_by(out, monitored.requests_rule("Decrease", "LessThan", 3))
    monitored.ask(20)
    monitored.pass_minutes(1, until=lambda: monitored.count() == 2)
    instances = httpx.get(f"{monitored.portal}/instances", trust_env=False).json()
    assert [each["ready"] for each in instances] == [True, True]
    change = monitored.told()["changes"][-1]
    assert (change["before"], change["after"], change["failure"]) == (1, 2, "")
    assert change["reason"] == "RequestsPerMinute 20 GreaterThan 6"
    monitored.pass_minutes(20, until=lambda: monitored.count() == 1)
    assert len(httpx.get(f"{monitored.portal}/instances", trust_env=False).json()) == 1
    assert monitored.told()["changes"][-1]["reason"] == "RequestsPerMinute 0 LessThan 3"
    assert [error for answer in monitored.arm.seen for error in documents.violations(*answer) or ()] == []
    values(monitored)


def values(monitored: Monitored) -> None:
    """The burst is in the metrics, as their public document has them."""
    query = {"metricnames": "RequestsPerMinute", "aggregation": "Total,Average", "interval": "PT1M"}
    url = f"{monitored.endpoint}/providers/Microsoft.Insights/metrics"
    found = monitored.arm("GET", url, version="2018-01-01", **query, **{"$filter": "deployment eq '*'"}).json()
    assert (found["interval"], found["resourceregion"]) == ("PT1M", "eastus")
    (metric,) = found["value"]
    assert (metric["name"]["value"], metric["unit"], metric["errorCode"]) == ("RequestsPerMinute", "Count", "Success")
    (series,) = metric["timeseries"]
    assert [(each["name"]["value"], each["value"]) for each in series["metadatavalues"]] == [("deployment", "blue")]
    assert sum(point.get("total", 0) for point in series["data"]) == 20
    assert len(series["data"]) == 60
    query |= {"$filter": "deployment eq '*'", "AutoAdjustTimegrain": "true", "interval": "PT2M"}
    found = monitored.arm("GET", url, version="2023-10-01", **query, rollupby="deployment").json()
    (series,) = found["value"][0]["timeseries"]
    assert (found["interval"], series["metadatavalues"], len(series["data"])) == ("PT5M", [], 12)
    found = monitored.arm("GET", url, version="2023-10-01", **query, resultType="Metadata").json()
    (series,) = found["value"][0]["timeseries"]
    assert (series["metadatavalues"][0]["value"], "data" in series) == ("blue", False)


def test_the_quota_bounds_what_autoscale_makes(monitored: Monitored) -> None:
    monitored.scale_by(most="500", capacity={"minimum": "500", "maximum": "500", "default": "500"})
    monitored.pass_minutes(1, until=lambda: bool(monitored.told()["changes"]))
    change = monitored.told()["changes"][-1]
    assert "Not enough quota available for Standard_NC24ads_A100_v4" in change["failure"]
    assert monitored.count() == 1


def test_a_schedule_sets_the_number_of_instances(monitored: Monitored) -> None:
    now = datetime.fromtimestamp(monitored.told()["now"], UTC)
    schedule = {"timeZone": "UTC", "days": [now.strftime("%A")], "hours": [now.hour], "minutes": [now.minute]}
    recurrence = {"frequency": "Week", "schedule": schedule}
    monitored.scale_by(recurrence=recurrence, capacity={"minimum": "2", "maximum": "2", "default": "2"})
    monitored.pass_minutes(1, until=lambda: monitored.count() == 2)
    assert monitored.told()["changes"][-1]["reason"] == "fewer than the minimum of p"


def test_a_disabled_setting_does_nothing(monitored: Monitored) -> None:
    monitored.scale_by(capacity={"minimum": "2", "maximum": "2", "default": "2"})
    off = {"profiles": monitored.arm("GET", monitored.setting, version=V).json()["properties"]["profiles"]}
    answer = monitored.arm("PATCH", monitored.setting, {"properties": {**off, "enabled": False}}, version=V)
    assert answer.json()["properties"]["enabled"] is False
    before = monitored.told()["now"]
    monitored.pass_minutes(10, until=lambda: monitored.told()["looked_until"] >= before + 540)
    assert (monitored.count(), monitored.told()["changes"]) == (1, [])
