"""`gatelift explain`: a code in words."""

import json
from collections.abc import Callable
from typing import Any

import pytest


def test_a_code_is_explained_with_each_cause(inside: Callable[..., Any]) -> None:
    answer = inside("explain", "outofquota", "--output", "json")
    document = json.loads(answer.stdout)
    assert (answer.code, document["code"]) == (0, "OutOfQuota")
    assert len(document["causes"]) > 3
    assert [one for one in document["causes"] if not one["cause"] or not one["hint"]] == []


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("Not enough quota available for Standard_NC24ads_A100_v4 in SubscriptionId x", "OutOfQuota", "smaller"),
        ("(InferencingClientCreateDeploymentFailed) error detail: Not enough quota available", "OutOfQuota", "smaller"),
        ("InferencingClientCreateDeploymentFailed", "InferencingClientCreateDeploymentFailed", "OutOfQuota"),
        ("InferencingClientCallFailed", "InferencingClientCallFailed", "the message names"),
        ("Code: KeyBasedAuthenticationNotPermitted", "KeyBasedAuthenticationNotPermitted", "Storage Blob Data"),
        ('{"error": {"code": "OutOfCapacity", "message": "none left"}}', "OutOfCapacity", "another region"),
    ],
)  # fmt: skip
def test_the_text_that_people_see_is_explained(inside: Callable[..., Any], text: str, code: str, hint: str) -> None:
    answer = inside("explain", text, "--output", "json")
    document = json.loads(answer.stdout)
    assert (answer.code, document["code"], len(document["causes"])) == (0, code, 1)
    assert hint in document["causes"][0]["hint"]


def test_without_a_code_all_of_them_are_listed(inside: Callable[..., Any]) -> None:
    listed = inside("explain").stdout.split()
    assert {"SecretsInjectionError", "OutOfQuota", "ResourceNotReady", "BadArgument"} <= set(listed)


def test_an_unknown_code_says_where_to_look(inside: Callable[..., Any]) -> None:
    answer = inside("explain", "NeverSeen")
    assert answer.code == 1
    assert "https://aka.ms/oe-tsg" in answer.stderr


def test_a_code_of_entra_has_a_page_of_entra(inside: Callable[..., Any]) -> None:
    page = "https://login.microsoftonline.com/error?code="
    assert f"{page}700024" in inside("explain", "aadsts700024").stdout
    assert f"{page}99999" in inside("explain", "AADSTS99999").stderr
