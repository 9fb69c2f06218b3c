"""Azure's error bodies: which code counts, and what is said about it."""

from typing import Any

import pytest

from infra.diagnosis import KNOWN, read_error

QUOTA = (
    'Received 400 from a service request {"errors":{"VmSize":["Not enough quota available for Standard_DS3_v2 in '
    'SubscriptionId X. Current usage/limit: 0/6. Additional needed: 8"]},"type":"x"}'
)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        pytest.param({"error": {"code": "OutOfQuota", "message": "no"}}, "OutOfQuota", "no", id="plain"),
        pytest.param(
            {
                "error": {
                    "code": "BadRequest",
                    "message": "The request is invalid.",
                    "details": [{"code": "InferencingClientCreateDeploymentFailed", "message": QUOTA}],
                }
            },
            "OutOfQuota",
            "0/6",
            id="quota-inside-json-inside-details",
        ),
        pytest.param(
            {"error": {"code": "UserError", "message": "Failed to retrieve and inject workspace connection secrets."}},
            "SecretsInjectionError",
            "inject",
            id="known-by-its-words",
        ),
        pytest.param(
            {"error": {"code": "NeverSeen", "message": "odd"}}, "NeverSeen", "odd", id="unknown-is-shown-whole"
        ),
        pytest.param('{"error": {"code": "Conflict", "message": "busy"}}', "Conflict", "busy", id="text"),
        pytest.param("<html>bad gateway</html>", "", "bad gateway", id="no-json"),
        pytest.param(None, "", "nothing more", id="empty"),
    ],
)
def test_an_error_body_becomes_code_and_message(body: Any, code: str, said: str) -> None:
    found = read_error(body)
    assert found.code == code
    assert said in found.message


def test_every_known_code_has_a_way_out() -> None:
    assert [code for code, diagnosis in KNOWN.items() if not diagnosis.hint or not diagnosis.cause] == []
