"""Arguments and environment become settings; what cannot be used says so."""

from pathlib import Path

import pytest

from scoring.engine_arguments import arguments_from_mapping, named_option
from scoring.errors import BadSettings
from scoring.settings import read_settings


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
    assert settings.model_dir == folder


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
    ],
)
def test_bad_settings(environ: dict[str, str], words: str) -> None:
    with pytest.raises(BadSettings, match=words) as caught:
        read_settings([], {"SCORING_MODEL": "m" if environ else "", **environ})
    assert caught.value.hint
