"""Arguments and environment become settings; what cannot be used says so."""

from pathlib import Path

import pytest

from scoring.errors import BadSettings
from scoring.settings.arguments import arguments_from_mapping, named_option
from scoring.settings.settings import read_settings


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param({"max_model_len": 4096}, ("--max-model-len=4096",), id="number"),
        pytest.param({"enforce_eager": True}, ("--enforce-eager",), id="true"),
        pytest.param({"enable_prefix_caching": False}, ("--no-enable-prefix-caching",), id="false"),
        pytest.param({"served_model_name": ["a", "b"]}, ("--served-model-name", "a", "b"), id="list"),
        pytest.param({"hf_overrides": {"a": 1}}, ('--hf-overrides={"a": 1}',), id="object"),
        pytest.param({"chat_template": "-x.jinja"}, ("--chat-template=-x.jinja",), id="value-with-a-dash"),
        pytest.param({"revision": None}, (), id="null"),
    ],
)
def test_engine_arguments_are_spelled_as_vllm_reads_them(document: dict[str, object], words: tuple[str, ...]) -> None:
    assert arguments_from_mapping(document) == words


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["m", "--port", "7"], id="two-words"),
        pytest.param(["m", "--port=7"], id="one-word"),
        pytest.param(["--port", "6", "--port", "7"], id="last-wins"),
    ],
)
def test_port_is_read_off_the_command_line(words: list[str]) -> None:
    assert read_settings(words, {"PORT": "9"}).port == 7
    assert named_option(words, "--host") is None


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["m", "--config", "FILE"], id="two-words"),
        pytest.param(["m", "--config=FILE"], id="one-word"),
        pytest.param(["--config", "FILE", "m"], id="before-the-model"),
    ],
)
def test_config_file_holds_for_our_own_settings(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "conf.yaml"
    file.write_text(
        "port: 7\napi-key: sekret\nserved_model_name: [a, b]\nenforce-eager: false\nhf_overrides: {x: 1}\n"
        "revision: 2024-01-02\n"
    )
    settings = read_settings([word.replace("FILE", str(file)) for word in words], {})
    assert (settings.model, settings.port, settings.api_keys) == ("m", 7, ("sekret",))
    assert settings.revision == "2024-01-02"
    assert settings.arguments == (
        "m", "--port=7", "--api-key=sekret", "--served-model-name", "a", "b", "--no-enforce-eager",
        '--hf-overrides={"x": 1}', "--revision=2024-01-02",
    )  # fmt: skip


def test_command_line_wins_over_its_config_file(tmp_path: Path) -> None:
    file = tmp_path / "conf.yaml"
    file.write_text("port: 7\nmodel: org/name\n")
    settings = read_settings(["--config", str(file), "--port", "8"], {})
    assert (settings.model, settings.port) == ("org/name", 8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param("a: [", "cannot be read", id="broken"),
        pytest.param("- a", "holds no arguments", id="list"),
    ],
)
def test_bad_config_file(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "conf.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadSettings, match=words) as caught:
        read_settings(["m", "--config", str(file)], {})
    assert caught.value.hint


def test_environment_of_a_container(tmp_path: Path) -> None:
    settings = read_settings(
        [],
        {
            "PORT": "6000",
            "AML_APP_ROOT": "/var/azureml-app",
            "SCORING_MODEL": "org/name",
            "SCORING_REVISION": "abc",
            "SCORING_ENGINE_ARGS": '{"max_model_len": 8}',
            "AZUREML_MODEL_DIR": str(tmp_path),
        },
    )
    assert (settings.host, settings.port) == ("0.0.0.0", 6000)  # noqa: S104
    assert (settings.model, settings.revision, settings.model_dir) == ("org/name", "abc", None)
    assert settings.arguments == ("--max-model-len=8",)


@pytest.mark.parametrize("below", [pytest.param(".", id="itself"), pytest.param("model", id="one-level-below")])
def test_mounted_model_wins_over_the_hub(tmp_path: Path, below: str) -> None:
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    settings = read_settings([], {"SCORING_MODEL": "org/name", "AZUREML_MODEL_DIR": str(tmp_path)})
    assert (settings.model_dir, settings.served_model_name) == (folder, "org/name")


@pytest.mark.parametrize(
    ("root", "below", "name"),
    [
        pytest.param("models/smollm2/3", "model", "smollm2", id="asset"),
        pytest.param("models/smollm2/3", ".", "smollm2", id="asset-without-a-folder"),
        pytest.param("models/smollm2/3", "org--name-1.5B", "org/name-1.5B", id="hub-id"),
        pytest.param("models", "smollm2", "smollm2", id="folder"),
    ],
)
def test_mounted_model_answers_to_its_name(tmp_path: Path, root: str, below: str, name: str) -> None:
    folder = tmp_path / root / below
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    environ = {"AZUREML_MODEL_DIR": str(tmp_path / root)}
    assert read_settings([], environ).served_model_name == name
    assert read_settings([], {**environ, "SCORING_SERVED_MODEL_NAME": "own"}).served_model_name == "own"


def test_loopback_outside_of_a_container() -> None:
    assert read_settings(["m"], {}).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param({}, "no model is named", id="no-model"),
        pytest.param({"PORT": "x"}, "port 'x'", id="port-is-a-word"),
        pytest.param({"PORT": "70000"}, "port '70000'", id="port-too-high"),
        pytest.param({"SCORING_ENGINE_ARGS": "{"}, "not JSON", id="engine-args-broken"),
        pytest.param({"SCORING_ENGINE_ARGS": "[]"}, "a JSON list", id="engine-args-list"),
        pytest.param({"SCORING_GRACE_SECONDS": "-1"}, "SCORING_GRACE_SECONDS", id="negative-grace"),
        pytest.param({"SCORING_FRONT": "go"}, "SCORING_FRONT is 'go'", id="no-such-front"),
    ],
)
def test_bad_settings(environ: dict[str, str], words: str) -> None:
    with pytest.raises(BadSettings, match=words) as caught:
        read_settings([], {"SCORING_MODEL": "m" if environ else "", **environ})
    assert caught.value.hint
