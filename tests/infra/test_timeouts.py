"""Timeouts: the defaults, and those from the environment."""

import pytest

from infra.errors import GateliftError
from infra.timeouts import Timeouts, read_timeouts


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, Timeouts(60.0, 7200.0), id="usual"),
        pytest.param({"GATELIFT_REQUEST_TIMEOUT": "5"}, Timeouts(5.0, 7200.0), id="request"),
        pytest.param({"GATELIFT_OPERATION_TIMEOUT": "1.5"}, Timeouts(60.0, 1.5), id="operation"),
        pytest.param({"GATELIFT_OPERATION_TIMEOUT": ""}, Timeouts(), id="set-to-nothing"),
    ],
)
def test_what_the_environment_says(environ: dict[str, str], expected: Timeouts) -> None:
    assert read_timeouts(environ) == expected


@pytest.mark.parametrize("written", ["soon", "0", "-1", "inf", "nan"])
def test_what_is_no_number_of_seconds_is_told(written: str) -> None:
    with pytest.raises(GateliftError, match="GATELIFT_REQUEST_TIMEOUT") as error:
        read_timeouts({"GATELIFT_REQUEST_TIMEOUT": written})
    assert error.value.hint


def test_no_part_waits_longer_than_the_whole() -> None:
    short = Timeouts(request=2.0, operation=3.0)
    assert (short.connect, short.hub, short.answer, short.network) == (2.0, 2.0, 3.0, 3.0)
