"""Names that look right to whoever copied them from a portal, and the way out."""

import pytest

from infra.spec.names import RuleBroken, workspace_name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "/subscriptions/x/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/projects/p", id="id"
        ),
        pytest.param("https://a.services.ai.azure.com/api/projects/p", id="address"),
    ],
)
def test_a_foundry_project_is_no_workspace(name: str) -> None:
    with pytest.raises(RuleBroken, match="no managed online endpoints") as broken:
        workspace_name(name)
    assert "az ml workspace list" in broken.value.hint
