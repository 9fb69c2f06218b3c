"""Autoscale settings: made, read, listed and deleted as Azure Monitor's documents say."""

from typing import Any

V = "2022-10-01"


def test_a_setting_lives_and_dies(arm: Any, documents: Any) -> None:
    settings = f"{arm.group}/providers/Microsoft.Insights/autoscaleSettings"
    id = f"{settings}/lives"
    trigger = {
        "metricName": "CpuUtilizationPercentage",
        "metricResourceUri": f"{arm.lab}/onlineEndpoints/chat/deployments/blue",
        "timeGrain": "PT1M",
        "statistic": "Average",
        "timeWindow": "PT5M",
        "timeAggregation": "Average",
        "operator": "GreaterThan",
        "threshold": 70,
    }
    action = {"direction": "Increase", "type": "ChangeCount", "value": "2", "cooldown": "PT5M"}
    profile = {
        "name": "by load",
        "capacity": {"minimum": "2", "maximum": "5", "default": "2"},
        "rules": [{"metricTrigger": trigger, "scaleAction": action}],
    }
    target = trigger["metricResourceUri"]
    body = {"location": "East US", "properties": {"profiles": [profile], "targetResourceUri": target, "enabled": True}}
    assert arm("PUT", id, body, version=V).status_code == 201
    assert arm("PUT", id, body, version=V).status_code == 200
    properties = arm("GET", id, version=V).json()["properties"]
    assert (properties["targetResourceUri"], properties["enabled"]) == (target, True)
    subscription = f"/subscriptions/{arm.subscription}/providers/Microsoft.Insights/autoscaleSettings"
    for listed in (settings, subscription):
        assert [item["name"] for item in arm("GET", listed, version=V).json()["value"]] == ["lives"]
    assert [error for answer in arm.seen for error in documents.violations(*answer) or ()] == []
    assert arm("DELETE", id, version=V).status_code == 200
    assert arm("DELETE", id, version=V).status_code == 204
    assert arm("GET", id, version=V).status_code == 404
