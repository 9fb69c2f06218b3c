"""`gatelift explain`: a code in words."""

import json
from collections.abc import Callable
from typing import Any


def test_a_code_is_explained_with_each_cause(inside: Callable[..., Any]) -> None:
    answer = inside("explain", "outofquota", "--output", "json")
    document = json.loads(answer.stdout)
    assert (answer.code, document["code"]) == (0, "OutOfQuota")
    assert len(document["causes"]) > 3
    assert [one for one in document["causes"] if not one["cause"] or not one["hint"]] == []


def test_without_a_code_all_of_them_are_listed(inside: Callable[..., Any]) -> None:
    listed = inside("explain").stdout.split()
    assert {"SecretsInjectionError", "OutOfQuota", "ResourceNotReady", "BadArgument"} <= set(listed)


def test_an_unknown_code_says_where_to_look(inside: Callable[..., Any]) -> None:
    answer = inside("explain", "NeverSeen")
    assert answer.code == 1
    assert "https://aka.ms/oe-tsg" in answer.stderr
