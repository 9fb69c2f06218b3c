"""What is rendered from templates, and the versions that are known without rendering."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.errors import GateliftError
from infra.resources import templates
from infra.resources.environment import Environment
from infra.resources.model_card import ModelCard
from infra.spec.model import BuildSpec, EnvironmentSpec

PINS = 'vllm_version: 1.2.3\nbase: {image: example.org/vllm, tag: v1, cuda: "13.0", digest: ""}\nport: 5001\n'
IMAGE = "registry.example.org/box@sha256:" + "a" * 64
CARD = ModelCard("org/model", "a" * 40, True, "short-name", "1.2.3", "Token", "KEY", "https://hub/org/model")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small copy of `environments/vllm`."""
    (tmp_path / "Dockerfile.j2").write_text("FROM {{ base }}\nEXPOSE {{ port }}\n")
    (tmp_path / "environment.yaml.j2").write_text(
        '$schema: https://schema\nname: {{ name }}\nversion: "{{ version }}"\ndescription: vLLM {{ vllm_version }}\n'
        "image: {{ image }}\ninference_config: {scoring_route: {path: /v1, port: {{ port }}}}\n"
    )
    (tmp_path / "pins.yaml").write_text(PINS)
    return tmp_path


def version(folder: Path, **environment: Any) -> str:
    return Environment(folder, "demo", EnvironmentSpec(**(environment or {"build": BuildSpec()}))).version


def test_the_image_is_built_from_the_rendered_files(folder: Path) -> None:
    assert Environment(folder, "demo").build_context() == {"Dockerfile": "FROM example.org/vllm:v1\nEXPOSE 5001\n"}


@pytest.mark.parametrize(
    ("digest", "base", "line"),
    [
        pytest.param("", None, "example.org/vllm:v1", id="tag"),
        pytest.param("sha256:1", None, "example.org/vllm:v1@sha256:1", id="pinned"),
        pytest.param("sha256:1", "other/vllm:v2-cu129", "other/vllm:v2-cu129", id="the-specs-own"),
    ],
)
def test_the_base_of_the_image(folder: Path, digest: str, base: str | None, line: str) -> None:
    (folder / "pins.yaml").write_text(PINS.replace('digest: ""', f'digest: "{digest}"'))
    environment = Environment(folder, "demo", EnvironmentSpec(build=BuildSpec(base=base)))
    assert environment.build_context()["Dockerfile"].splitlines()[0] == f"FROM {line}"


def test_another_image_or_base_is_another_version(folder: Path) -> None:
    build, image = BuildSpec(base="other/vllm:v2"), IMAGE.replace("a" * 64, "b" * 64)
    versions = [
        version(folder),
        version(folder, build=build),
        version(folder, image=IMAGE),
        version(folder, image=image),
    ]
    assert len(set(versions)) == len(versions)


def test_what_is_registered_has_the_rendered_fields_and_our_tags(folder: Path, plain_cloud: Cloud, shelf: Any) -> None:
    environment = Environment(folder, "demo", EnvironmentSpec(image=IMAGE))
    environment.create(plain_cloud, environment.desired)
    [(id, document)] = shelf.written
    assert id.endswith(f"/environments/gatelift-vllm/versions/{environment.version}")
    assert document["properties"] == {
        "image": IMAGE,
        "osType": "Linux",
        "inferenceConfig": {"scoringRoute": {"path": "/v1", "port": 5001}},
        "description": "vLLM 1.2.3 for the gatelift scoring server",
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
        Environment(folder, "demo").build_context()


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
