"""Names that look right to whoever copied them from a portal, and the way out."""

import pytest

from infra.spec.names import RuleBroken, image, image_repository, pinned_image, workspace_name


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


DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (f"https://ghcr.io/you/box@{DIGEST}", "no `https://`"),
        (f"ghcr.io/You/box@{DIGEST}", "in lower case"),
        (f"ghcr.io/you/box@{DIGEST.upper()}", "64 hexadecimal digits in lower case"),
        ("ghcr.io/you/box@sha256:abc", "64 hexadecimal digits"),
        (f"localhost:5000/box@{DIGEST}", "on this machine"),
        (f"./box@{DIGEST}", "by its digest"),
        (f"-x.io/box@{DIGEST}", "by its digest"),
        (f"ghcr.io:1234567/box@{DIGEST}", "by its digest"),
        ("ghcr.io/you/box:v1", "by its digest"),
    ],
)
def test_what_is_wrong_with_an_image_is_said(written: str, what: str) -> None:
    with pytest.raises(RuleBroken, match=what):
        pinned_image(written)


@pytest.mark.parametrize("name", ["box", "you/box", "Ghcr.io/you/a__b/c-d.e", "r.example.org:5000/you/box"])
def test_images_that_registries_take(name: str) -> None:
    assert pinned_image(f"{name}:v1@{DIGEST}")
    assert image(f"{name}:v1")
    assert image_repository(name) == name
    with pytest.raises(RuleBroken, match="without a tag"):
        image_repository(f"{name}:v1")
