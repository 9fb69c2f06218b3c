"""`gatelift init` writes a spec that loads as it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.commands.init import name_from
from infra.spec.file import load_spec
from tests.infra.model_folders import LLAMA, write_model


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, inside: Callable) -> None:
    """Nothing here asks the Hub; prices come from the table."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("GATELIFT_CACHE_DIR", str(Path.cwd() / "cache"))


def test_the_spec_that_it_writes_loads(inside: Callable, tmp_path: Path) -> None:
    answer = inside("init", "--output", "json")
    assert answer.code == 0, answer.stderr
    spec = load_spec(tmp_path / "gatelift.yaml", environ={}, local=True)
    assert answer.document == {
        "version": 1,
        "file": "gatelift.yaml",
        "name": spec.name,
        "model": spec.model.id,
        "endpoint": spec.endpoint.name,
        "instance_type": spec.deployment.instance_type,
        "max_model_len": 4096,
        "why": [],
    }
    assert spec.model.id == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_what_was_said_stands_in_the_spec(inside: Callable, tmp_path: Path) -> None:
    said = {
        "--model": "meta-llama/Llama-3.1-8B-Instruct",
        "--name": "llama",
        "--endpoint": "llama-prod",
        "--subscription-id": "11111111-2222-3333-4444-555555555555",
        "--resource-group": "models",
        "--workspace": "research",
        "--instance-type": "Standard_NC40ads_H100_v5",
        "--max-model-len": "1024",
        "--file": "llama.yaml",
    }
    assert inside("init", *(word for pair in said.items() for word in pair)).code == 0
    spec = load_spec(tmp_path / "llama.yaml", environ={}, local=False)
    assert (spec.name, spec.model.id, spec.endpoint.name) == ("llama", said["--model"], "llama-prod")
    assert (spec.workspace.subscription_id, spec.workspace.resource_group, spec.workspace.name) == (
        said["--subscription-id"],
        "models",
        "research",
    )
    assert spec.deployment.instance_type == "Standard_NC40ads_H100_v5"
    assert spec.deployment.engine == {"max_model_len": 1024}


@pytest.mark.parametrize("flags", [[], ["--yes"]], ids=["alone", "yes-overwrites-nothing"])
def test_an_existing_file_is_left_alone_without_force(inside: Callable, tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "gatelift.yaml").write_text("mine")
    refused = inside("init", *flags)
    assert (refused.code, (tmp_path / "gatelift.yaml").read_text()) == (1, "mine")
    assert refused.stderr.startswith("error: gatelift.yaml already exists\n\nhint: --force")


def test_force_overwrites_an_existing_file(inside: Callable, tmp_path: Path) -> None:
    (tmp_path / "gatelift.yaml").write_text("mine")
    assert inside("init", "--force").code == 0
    assert "mine" not in (tmp_path / "gatelift.yaml").read_text()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param("llama", "is not a Hugging Face model id, nor a folder", id="no-slash"),
        pytest.param("a/b/c", "is not a Hugging Face model id, nor a folder", id="two-slashes"),
        pytest.param("with space/x", "is not a Hugging Face model id, nor a folder", id="space"),
        pytest.param("", "is not a Hugging Face model id, nor a folder", id="empty"),
        pytest.param("org/na--me", "must be a Hugging Face Hub id", id="not-the-hubs"),
        pytest.param("./nothing", "there is no such folder", id="no-folder"),
        pytest.param(".", "has no config.json", id="no-model"),
        pytest.param("./adapter", "has a LoRA adapter", id="adapter"),
        pytest.param("azureml:name", "must be azureml:NAME:VERSION", id="no-version"),
    ],
)
def test_what_is_no_model_is_refused_before_anything_is_written(
    inside: Callable, tmp_path: Path, model: str, said: str
) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    answer = inside("init", "--model", model)
    assert (answer.code, said in answer.stderr, "hint: " in answer.stderr) == (1, True, True), answer.stderr
    assert not (tmp_path / "gatelift.yaml").exists()


@pytest.mark.parametrize(
    ("model", "file", "source", "name"),
    [
        pytest.param("mistralai/Mistral-7B-Instruct-v0.3", "s.yaml", {"id"}, "mistral-7b-instruct-v0-3", id="hub"),
        pytest.param("./My Model", "s.yaml", {"path"}, "my-model", id="folder"),
        pytest.param("./My Model", "specs/s.yaml", {"path"}, "my-model", id="folder-of-a-spec-elsewhere"),
        pytest.param("org/name", "s.yaml", {"id"}, "name", id="hub-id-that-is-a-folder-here"),
        pytest.param("./org/name", "s.yaml", {"path"}, "name", id="that-folder"),
        pytest.param("azureml:Mine_:3", "s.yaml", {"asset"}, "mine", id="asset"),
        pytest.param("azureml://registries/me/models/own/versions/1", "s.yaml", {"asset"}, "own", id="own-registry"),
        pytest.param(
            "azureml://registries/HuggingFace/models/gpt2/labels/latest", "s.yaml", {"id"}, "gpt2", id="registry"
        ),
    ],
)
def test_each_kind_of_model_is_read_back_as_it_was_meant(
    inside: Callable, tmp_path: Path, model: str, file: str, source: set[str], name: str
) -> None:
    for folder in ("My Model", "org/name"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.json").write_text("{}")
        (tmp_path / folder / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    (tmp_path / "specs").mkdir()
    answer = inside("init", "--model", model, "--file", file)
    assert answer.code == 0, answer.stderr
    spec = load_spec(tmp_path / file, environ={}, local=False)
    given = {key: getattr(spec.model, key) for key in ("id", "path", "asset") if getattr(spec.model, key)}
    wanted = str(tmp_path / model) if source == {"path"} else model
    assert (set(given), *given.values(), spec.name) == (source, wanted, name)


def test_every_line_that_is_a_comment_in_the_model_is_right(inside: Callable, tmp_path: Path) -> None:
    """A person takes the `#` away of one source and puts it before the other."""
    assert inside("init").code == 0
    written = (tmp_path / "gatelift.yaml").read_text()
    chosen = written.replace("  id: Hugging", "  # id: Hugging", 1)
    for line in ("asset: azureml", "adapters: ", "  - {name: my-adapter"):
        assert f"  # {line}" in chosen
        chosen = chosen.replace(f"  # {line}", f"  {line}", 1)
    (tmp_path / "gatelift.yaml").write_text(chosen.replace("path: ./my-adapter", "asset: azureml:my-adapter:1"))
    spec = load_spec(tmp_path / "gatelift.yaml", environ={}, local=False)
    assert (spec.model.asset, [each.name for each in spec.model.adapters]) == ("azureml:NAME:1", ["my-adapter"])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("--name", "9bad", id="name"),
        pytest.param("--endpoint", "a", id="endpoint"),
        pytest.param("--instance-type", "x:y", id="instance-type"),
    ],
)
def test_what_the_spec_would_not_accept_is_refused(inside: Callable, tmp_path: Path, option: str, value: str) -> None:
    answer = inside("init", option, value)
    assert (answer.code, f"{option} '{value}' must be " in answer.stderr) == (1, True)
    assert not (tmp_path / "gatelift.yaml").exists()


def test_a_folder_is_not_overwritten(inside: Callable, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    answer = inside("init", "--file", "specs")
    assert "--file specs/gatelift.yaml writes into that folder" in answer.stderr


@pytest.mark.parametrize("file", ["none/gatelift.yaml", "a" * 300], ids=["no-folder", "too-long"])
def test_a_place_that_cannot_be_written_is_said(inside: Callable, file: str) -> None:
    answer = inside("init", "--file", file)
    assert answer.code == 1
    assert f"{file} cannot be written" in answer.stderr


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param("HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2-135m-instruct", id="plain"),
        pytest.param("google/gemma_3.1--it", "gemma-3-1-it", id="other-characters-become-one-dash"),
        pytest.param("x/70B", "m-70b", id="a-letter-comes-first"),
        pytest.param(f"x/{'a' * 31}-b", "a" * 31, id="cut-without-a-dash-at-the-end"),
    ],
)
def test_name_from_model(model: str, name: str) -> None:
    assert name_from(model) == name


def written(tmp_path: Path) -> str:
    return (tmp_path / "gatelift.yaml").read_text()


def test_the_size_follows_from_the_model_and_says_why(inside: Callable, tmp_path: Path) -> None:
    write_model(tmp_path / "mine", LLAMA, gib=131)
    answer = inside("init", "--model", "./mine")
    assert answer.code == 0, answer.stderr
    spec = load_spec(tmp_path / "gatelift.yaml", environ={}, local=False)
    assert spec.deployment.instance_type == "Standard_NC48ads_A100_v4"
    assert spec.deployment.engine["tensor_parallel_size"] == 2
    assert spec.deployment.engine["max_model_len"] > 4096
    assert "  # The cheapest size that the model fits on, " in written(tmp_path)
    assert "65.5 GiB of weights in the 72.8 GiB of each A100 80GB that vLLM takes" in written(tmp_path)
    alone = load_spec(tmp_path / "gatelift.yaml", environ={}, local=True)
    assert alone.deployment.engine["tensor_parallel_size"] == 1


def test_a_wanted_context_counts(inside: Callable, tmp_path: Path) -> None:
    write_model(tmp_path / "mine", LLAMA, gib=15)
    assert inside("init", "--model", "./mine", "--max-model-len", "100000").code == 0
    spec = load_spec(tmp_path / "gatelift.yaml", environ={}, local=False)
    assert (spec.deployment.instance_type, spec.deployment.engine) == (
        "Standard_NC24ads_A100_v4",
        {"max_model_len": 100000},
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            ("--model", "org/name"), "Not chosen by the model, since HF_HUB_OFFLINE is set", id="the-hub-is-not-asked"
        ),
        pytest.param(
            ("--model", "./mine", "--instance-type", "Standard_NC24ads_A100_v4"), "As given: `gatelift size", id="given"
        ),
        pytest.param(("--model", "./broken"), "Not chosen by the model, since", id="not-readable"),
    ],
)
def test_where_nothing_is_known_it_writes_the_usual_size_and_says_so(
    inside: Callable, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    write_model(tmp_path / "mine", LLAMA)
    write_model(tmp_path / "broken", {"architectures": ["Unheard"]})
    answer = inside("init", *options)
    assert (answer.code, said in answer.stderr, f"  # {said}" in written(tmp_path)) == (0, True, True), answer.stderr
    spec = load_spec(tmp_path / "gatelift.yaml", environ={}, local=False)
    assert (spec.deployment.instance_type, spec.deployment.engine) == (
        "Standard_NC24ads_A100_v4",
        {"max_model_len": 4096},
    )
