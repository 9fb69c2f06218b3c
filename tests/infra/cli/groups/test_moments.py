"""Moments on the command line: any ISO 8601 with an offset becomes the tag's own form."""

import pytest

from infra.cli.groups.catalog import moment
from infra.errors import GateliftError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-01-16T00:00:00.000Z", "2026-01-16T00:00:00.000Z", id="as-the-tag-has-it"),
        pytest.param("2026-01-16T00:00:00Z", "2026-01-16T00:00:00.000Z", id="without-milliseconds"),
        pytest.param("2026-01-16T02:30:00+02:30", "2026-01-16T00:00:00.000Z", id="another-offset"),
    ],
)
def test_moment(text: str, expected: str) -> None:
    assert moment(text, "--until") == expected


OVER = "9999-12-31T23:59:59-23:00"  # in UTC there is no such year


@pytest.mark.parametrize("text", ["2026-01-16", "2026-01-16T00:00:00", "tomorrow", "2026-02-30T00:00:00Z", "", OVER])
def test_a_moment_without_an_offset_or_sense_is_refused(text: str) -> None:
    with pytest.raises(GateliftError) as refused:
        moment(text, "--as-of")
    assert str(refused.value).startswith(f"--as-of {text!r}")
    assert refused.value.hint == "write it as 2026-01-16T00:00:00.000Z"
