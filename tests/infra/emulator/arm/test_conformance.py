"""Raw answers of the control plane against the official documents."""

from typing import Any

import pytest


@pytest.mark.parametrize("version", ["2024-04-01", "2025-12-01"])
def test_every_kind_of_answer_satisfies_the_documents(
    arm_of: Any, emulator: Any, bodies: Any, documents: Any, version: str
) -> None:
    arm = arm_of(emulator)
    arm.version = version
    endpoint, assets = arm.endpoint(f"conforms-{version[:4]}"), arm.assets()
    deployment = f"{endpoint}/deployments/blue"
    connection = f"{arm.lab}/connections/conforms"
    model = f"{arm.lab}/models/conforms"
    keys = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_", "credentials": {"keys": {"a": "b"}}}
    arm.done("PUT", connection, {"properties": {**keys, "metadata": {"x": "y"}}})
    arm.done("PUT", f"{model}/versions/1", {"properties": {"modelUri": "azureml://x", "tags": {"a": "b"}}})
    arm.done("PUT", deployment, bodies["deployment"](assets))
    reads = [
        arm.lab,
        f"{arm.group}/providers/Microsoft.MachineLearningServices/workspaces",
        f"{arm.group}/providers/Microsoft.MachineLearningServices/registries",
        *(f"{arm.lab}/{kind}" for kind in ("connections", "environments", "models", "codes", "datastores")),
        *(connection, model, f"{model}/versions", f"{model}/versions/1", assets["environment"], assets["code"]),
        *(f"{arm.lab}/onlineEndpoints", endpoint, f"{endpoint}/deployments", deployment, f"{deployment}/skus"),
        f"{arm.lab}/datastores/workspaceblobstore",
        *(f"/subscriptions/{arm.subscription}/providers/Microsoft.MachineLearningServices/locations/eastus/{kind}"
          for kind in ("usages", "quotas", "vmSizes")),
    ]  # fmt: skip
    for path in reads:
        assert arm("GET", path).status_code == 200, path
    for path in (f"{connection}/listsecrets", f"{endpoint}/listKeys", f"{deployment}/getLogs"):
        assert arm("POST", path, {}).status_code == 200, path
    assert arm("POST", f"{arm.lab}/datastores/workspaceblobstore/listSecrets").status_code == 200
    assert arm("GET", f"{arm.lab}/connections/none").status_code == 404
    assert arm("PUT", f"{arm.lab}/onlineEndpoints/x", {}).status_code == 400
    arm.done("DELETE", endpoint)
    arm.done("DELETE", connection)

    checked = [(answer[:3], documents.violations(*answer)) for answer in arm.seen]
    assert [error for _, errors in checked if errors for error in errors] == []
    unknown = [what for what, errors in checked if errors is None and "/mfeOperation" not in what[1]]
    assert unknown == [], "these answers were held against nothing"
