"""What a plan shows of values that may hold somebody's secret."""

import pytest

from infra.planning.shown import shown


@pytest.mark.parametrize(
    ("path", "live"),
    [
        ("environment_variables.SCORING_ENGINE_ARGS", "--api-key correcthorse9"),
        ("environment_variables.SCORING_ENGINE_ARGS", '{"api_key": "correcthorse9"}'),
        ("environment_variables.ANYTHING", "correcthorse9"),
        ("tags.note", "password=correcthorse9"),
        ("tags.password", "correcthorse9"),
        ("description", "password: correcthorse9"),
    ],
)
def test_a_live_value_that_may_be_a_secret_is_hidden(path: str, live: str) -> None:
    assert "correcthorse9" not in str(shown(path, live, None)["before"])
    assert shown(path, live, None) != {"before": live, "after": None}


@pytest.mark.parametrize(
    ("path", "live"),
    [
        ("environment_variables.SCORING_ENGINE_ARGS", '{"max_model_len": 4096}'),
        ("environment_variables.SCORING_MODEL", "org/model"),
        ("tags.cost-center", "42"),
        ("description", "a chat model of the team"),
    ],
)
def test_what_is_no_secret_is_shown(path: str, live: str) -> None:
    assert shown(path, live, None)["before"] == live
