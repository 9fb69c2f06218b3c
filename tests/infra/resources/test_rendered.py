"""What is rendered from templates, and the versions that are known without rendering."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.errors import GateliftError
from infra.resources import templates
from infra.resources.environment import Environment
from infra.resources.model_card import ModelCard
from tests.infra.conftest import RecordingAssets

PINS = 'vllm_version: 1.2.3\nbase_image: "example.org/vllm:1"\nport: 5001\n'
CARD = ModelCard("org/model", "a" * 40, True, "short-name", "1.2.3", "Token", "KEY", "https://hub/org/model")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small copy of `environments/vllm`."""
    (tmp_path / "Dockerfile.j2").write_text("FROM {{ base_image }}\nEXPOSE {{ port }}\n")
    (tmp_path / "environment.yaml.j2").write_text(
        '$schema: https://schema\nname: {{ name }}\nversion: "{{ version }}"\ndescription: vLLM {{ vllm_version }}\n'
        "build: {path: ., dockerfile_path: Dockerfile}\n"
    )
    (tmp_path / "pins.yaml").write_text(PINS)
    return tmp_path


def version(folder: Path) -> str:
    return Environment(folder, "demo").version


def test_the_environments_files(folder: Path) -> None:
    assert Environment(folder, "demo").files() == {
        "Dockerfile": "FROM example.org/vllm:1\nEXPOSE 5001\n",
        "environment.yaml": f'$schema: https://schema\nname: gatelift-vllm\nversion: "{version(folder)}"\n'
        "description: vLLM 1.2.3\nbuild: {path: ., dockerfile_path: Dockerfile}\n",
    }


def test_what_is_registered_has_the_rendered_fields_and_our_tags(
    folder: Path, plain_cloud: Cloud, recording_assets: RecordingAssets
) -> None:
    environment = Environment(folder, "demo")
    environment.create(plain_cloud, environment.desired)
    [(_, document)] = recording_assets.documents
    assert document == {
        "name": "gatelift-vllm",
        "version": environment.version,
        "description": "vLLM 1.2.3 for the gatelift scoring server",
        "build": {"path": ".", "dockerfile_path": "Dockerfile"},
        "tags": environment.desired["tags"],
    }


@pytest.mark.parametrize("name", ["Dockerfile.j2", "environment.yaml.j2", "pins.yaml"])
def test_another_template_or_pin_is_another_version(folder: Path, name: str) -> None:
    before = version(folder)
    assert version(folder) == before
    with (folder / name).open("a") as file:
        file.write("# more\n")
    assert version(folder) != before


def test_a_template_more_is_another_version(folder: Path) -> None:
    before = version(folder)
    (folder / "entrypoint.sh.j2").write_text("")
    assert version(folder) != before


def test_other_rendering_code_is_another_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version(folder)
    copy = folder / "code" / templates.CODE.name
    copy.parent.mkdir()
    shutil.copy(templates.CODE, copy)
    monkeypatch.setattr(templates, "CODE", copy)
    assert version(folder) == before
    copy.write_text(copy.read_text() + "\n")
    assert version(folder) != before


def test_a_missing_value_is_an_error(folder: Path) -> None:
    (folder / "pins.yaml").write_text(PINS.replace("port", "ports"))
    with pytest.raises(GateliftError, match=r"Dockerfile\.j2: 'port' is undefined"):
        Environment(folder, "demo").files()


@pytest.mark.parametrize("gated", [True, False])
def test_the_card_says_how_to_get_access_only_where_that_is_needed(gated: bool) -> None:
    text = replace(CARD, gated=gated).text
    assert text.startswith("# org/model\n\nServed by vLLM 1.2.3 on Azure Machine Learning, from commit `aaaa")
    assert ("## Gated model\n" in text, "named `Token` with the key `KEY`" in text) == (gated, gated)
    assert '"model":"short-name"' in text
    assert text.endswith("at its `/openapi.json`.\n")


@pytest.mark.parametrize("field", [name for name in ModelCard.__struct_fields__ if name != "gated"])
def test_each_value_of_the_card_is_part_of_its_version(field: str) -> None:
    assert replace(CARD, **{field: "other"}).version != CARD.version
    assert replace(CARD).version == CARD.version


def test_another_template_of_the_card_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "card.md.j2"
    other.write_text("# {{ model }}\n")
    before = CARD.version
    monkeypatch.setattr("infra.resources.model_card.TEMPLATE", other)
    assert (CARD.text, CARD.version == before) == ("# org/model\n", False)
