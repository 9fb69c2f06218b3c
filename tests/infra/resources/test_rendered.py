"""What is rendered from templates, and the versions that are known without rendering."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.errors import GateliftError
from infra.resources import templates
from infra.resources.environment import Environment
from infra.spec.model import BuildSpec, EnvironmentSpec

PINS = 'vllm_version: 1.2.3\nbase: {image: example.org/vllm, tag: v1, cuda: "13.0", digest: ""}\nport: 5001\n'
IMAGE = "registry.example.org/box@sha256:" + "a" * 64


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
        "isArchived": False,
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


def test_nothing_is_installed_into_the_bases_own_python(repository: Path) -> None:
    dockerfile = Environment(repository / "environments" / "vllm", "demo").build_context()["Dockerfile"]
    installs = [line for line in dockerfile.splitlines() if "pip install" in line]
    assert [line for line in installs if "--target /opt/gatelift/site" not in line] == []
    assert "PYTHONPATH=/opt/gatelift/site" in dockerfile
    assert "NVIDIA_DISABLE_REQUIRE=1" in dockerfile


def test_no_path_of_the_image_has_an_empty_element(repository: Path) -> None:
    dockerfile = Environment(repository / "environments" / "vllm", "demo").build_context()["Dockerfile"]
    assert "LD_LIBRARY_PATH" not in dockerfile
    assert "PYTHONPATH=/opt/gatelift/site${PYTHONPATH:+:${PYTHONPATH}}" in dockerfile
