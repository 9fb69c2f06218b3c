"""Who asks and for what: the answers of Resource Manager before a resource is looked at."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("method", "path", "changes", "status", "code"),
    [
        pytest.param("GET", "{ws}", {"version": None}, 400, "MissingApiVersionParameter", id="no-version"),
        pytest.param("GET", "{ws}", {"version": "2099-01-01"}, 400, "NoRegisteredProviderFound", id="unknown-version"),
        pytest.param("GET", "{ws}", {"token": None}, 401, "AuthenticationFailed", id="no-token"),
        pytest.param("GET", "{ws}", {"token": "nonsense"}, 401, "InvalidAuthenticationToken", id="malformed-token"),
        pytest.param("GET", "{ws}-none", {}, 404, "ResourceNotFound", id="no-such-workspace"),
        pytest.param("GET", "{ws}/pancakes", {}, 404, "InvalidResourceType", id="no-such-type"),
        pytest.param("GET", "{ws}-none/connections/c", {}, 404, "ParentResourceNotFound", id="no-such-parent"),
    ],
)
def test_what_is_refused(target: Any, method: str, path: str, changes: Any, status: int, code: str) -> None:
    answer = target.arm(method, path.format(ws=target.id), **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_token_for_somebody_else(target: Any) -> None:
    answer = target.arm("GET", target.id, token=target.token("https://storage.azure.com/.default"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationTokenAudience")


def test_ids_compare_without_case(target: Any, ml: Any) -> None:
    upper = target.arm("GET", target.id.replace("resourceGroups", "RESOURCEGROUPS"))
    assert upper.json()["id"].lower() == target.id.lower()
    assert upper.json()["location"] == ml.workspaces.get(target.workspace).location


def test_every_answer_says_what_is_left(target: Any) -> None:
    answer = target.arm("GET", target.id)
    assert int(answer.headers["x-ms-ratelimit-remaining-subscription-reads"]) >= 0
    assert answer.headers["x-ms-request-id"]
    assert answer.headers["x-ms-correlation-request-id"]
