"""Which credential a client gets, depending on the endpoint's `authMode`."""

from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.operations.connect import connection_info
from infra.spec.model import StackSpec


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param({"authMode": "Key"}, "the key", id="key"),
        pytest.param({}, "the key", id="not-said"),
        pytest.param({"authMode": None}, "the key", id="nothing-said"),
        pytest.param({"authMode": "AMLToken"}, "the aml token", id="another-mode-than-the-spec"),
        pytest.param({"authMode": "AADToken"}, "the entra token", id="entra-against-the-spec"),
    ],
)
def test_the_live_mode_decides(
    plain_cloud: Cloud, shelf: Any, stack_spec: StackSpec, properties: dict[str, Any], expected: str
) -> None:
    endpoint = plain_cloud.workspace.endpoint(stack_spec.endpoint.name)
    shelf.hold(endpoint, {"properties": {"scoringUri": "https://demo.example/score", **properties}})
    shelf.answers = {
        f"{endpoint}/listKeys": {"primaryKey": "the key"},
        f"{endpoint}/token": {"accessToken": "the aml token"},
    }
    reached = connection_info(plain_cloud, stack_spec, lambda: "the entra token")
    assert reached.api_key == expected
    assert reached.base_url == "https://demo.example/v1"
