"""What is read from a folder with a model beside its weights."""

from pathlib import Path

import pytest

from infra.azure.cloud import SourceFile
from infra.planning.sources.folder import content_of, front_matter

FIELDS = "license: mit\npipeline_tag: text-generation"


@pytest.mark.parametrize(
    ("text", "license"),
    [
        pytest.param(f"---\n{FIELDS}\n---\n# Title\n", "mit", id="fields"),
        pytest.param(f"\ufeff---\r\n{FIELDS}\n---\n", "mit", id="from-windows"),
        pytest.param("# Title\n", None, id="no-fields"),
        pytest.param("---\nlicense: [\n---\n", None, id="broken"),
        pytest.param(f"---\n{FIELDS}\n", None, id="without-an-end"),
        pytest.param("---\n- a\n---\n", None, id="a-list"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_fields_of_a_readme(tmp_path: Path, text: str, license: str | None) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert front_matter(tmp_path / "README.md").get("license") == license


def test_no_readme_has_no_fields(tmp_path: Path) -> None:
    assert front_matter(tmp_path / "README.md") == {}


def test_the_content_changes_with_names_and_hashes() -> None:
    one = SourceFile("a", 1, "aa")
    others = [[], [SourceFile("b", 1, "aa")], [SourceFile("a", 1, "bb")], [one, SourceFile("b", 1, "bb")]]
    found = {content_of(files) for files in ([one], *others)}
    assert len(found) == 5
    assert all(len(content) == 64 for content in found)
