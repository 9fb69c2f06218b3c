"""What a profile's rules decide, from numbers alone."""

from typing import Any

import pytest

from infra.emulator.monitor.evaluation import Situation, decide


def rule(direction: str, operator: str, threshold: float, metric: str = "Load", **changes: Any) -> dict[str, Any]:
    trigger = {"metricName": metric, "operator": operator, "threshold": threshold, "dividePerInstance": True}
    action = {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": "PT5M", **changes}
    return {"metricTrigger": trigger, "scaleAction": action}


OUT, IN = rule("Increase", "GreaterThan", 60), rule("Decrease", "LessThan", 30)
EXACT = rule("Increase", "GreaterThan", 1, type="ExactCount", value="4")
PERCENT = rule("Increase", "GreaterThan", 1, type="PercentChangeCount", value="50")
OTHER_OUT = rule("Increase", "GreaterThan", 5, "Other", value="3")
OTHER_IN = rule("Decrease", "LessThan", 2, "Other")


@pytest.mark.parametrize(
    ("rules", "count", "values", "since", "decided"),
    [
        pytest.param([OUT, IN], 1, {"Load": 61}, 999, 2, id="out"),
        pytest.param([OUT, IN], 1, {"Load": 60}, 999, None, id="at-the-threshold"),
        pytest.param([OUT, IN], 2, {"Load": 29}, 999, 1, id="in"),
        pytest.param([OUT, IN], 1, {"Load": 0}, 999, None, id="not-below-the-minimum"),
        pytest.param([OUT, IN], 5, {"Load": 99}, 999, None, id="not-above-the-maximum"),
        pytest.param([OUT, IN], 2, {"Load": 61}, 299, None, id="out-cools-down"),
        pytest.param([OUT, IN], 2, {"Load": 29}, 299, None, id="in-cools-down"),
        pytest.param([OUT, IN], 2, {"Load": None}, 999, None, id="nothing-measured"),
        pytest.param([OUT, IN], 0, {"Load": 99}, 0, 1, id="minimum-at-once"),
        pytest.param([OUT, IN], 9, {"Load": 99}, 0, 5, id="maximum-at-once"),
        pytest.param([OUT, OTHER_OUT], 1, {"Load": 61, "Other": 9}, 999, 4, id="any-out-the-most-wins"),
        pytest.param([OUT, OTHER_OUT, IN], 2, {"Load": 0, "Other": 9}, 999, 5, id="out-before-in"),
        pytest.param([IN, OTHER_IN], 2, {"Load": 0, "Other": 9}, 999, None, id="in-only-if-all-agree"),
        pytest.param([IN, OTHER_IN], 2, {"Load": 0, "Other": None}, 999, None, id="what-is-not-measured-disagrees"),
        pytest.param([IN, OTHER_IN], 2, {"Load": 0, "Other": 1}, 999, 1, id="all-agree"),
        pytest.param([OUT, rule("Decrease", "LessThan", 50)], 2, {"Load": 40}, 999, None, id="in-would-flap"),
        pytest.param(
            [OUT, rule("Decrease", "LessThan", 50, value="3")], 4, {"Load": 40}, 999, 3, id="fewer-than-asked"
        ),
        pytest.param([EXACT], 1, {"Load": 2}, 999, 4, id="exact"),
        pytest.param([PERCENT], 2, {"Load": 2}, 999, 3, id="percent"),
    ],
)
def test_what_rules_decide(
    rules: list[dict[str, Any]], count: int, values: dict[str, float | None], since: float, decided: int | None
) -> None:
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "5", "default": "1"}, "rules": rules}
    found = decide(profile, Situation(count, lambda trigger: values[trigger["metricName"]], since))
    assert (found and found.count) == decided


def test_the_default_holds_where_nothing_is_measured() -> None:
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "5", "default": "3"}, "rules": [OUT, IN]}
    found = decide(profile, Situation(1, lambda _: None))
    assert found
    assert (found.count, found.reason) == (3, "no metric can be read: the default")


def test_the_reason_tells_the_measured_value() -> None:
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "5", "default": "1"}, "rules": [OUT, IN]}
    found = decide(profile, Situation(1, lambda _: 75.5))
    assert found
    assert found.reason == "Load 75.5 GreaterThan 60"
