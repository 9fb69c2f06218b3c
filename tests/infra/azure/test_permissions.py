"""Permissions, evaluated as Azure evaluates role definitions."""

import pytest

from infra.azure.permissions import NEEDED, missing_actions

ML = "Microsoft.MachineLearningServices"


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [
        pytest.param([{"actions": ["*"], "notActions": []}], [], id="owner"),
        pytest.param([], list(NEEDED), id="nobody"),
        pytest.param([{"actions": ["*/read"]}], list(NEEDED), id="reader"),
        pytest.param(
            [{"actions": [f"{ML.upper()}/workspaces/*"], "notActions": [f"{ML}/workspaces/connections/listsecrets/*"]}],
            [f"{ML}/workspaces/connections/listsecrets/action"],
            id="a-not-action-takes-away-whatever-the-case",
        ),
        pytest.param(
            [
                {"actions": [f"{ML}/workspaces/*"], "notActions": [f"{ML}/workspaces/connections/*"]},
                {"actions": [f"{ML}/workspaces/connections/*"]},
            ],
            [],
            id="another-role-gives-what-one-takes-away",
        ),
    ],
)
def test_missing_actions(permissions: list[dict[str, list[str]]], missing: list[str]) -> None:
    assert missing_actions(permissions) == missing
