"""What the emulated Hub is told of the Hub behind it follows from the environment that the user has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import GateliftError
from infra.hub_behind import hub_behind, machine_cache

OWN, BUNDLE = "http://127.0.0.1:4711", "/state/ca-bundle.pem"


def told(environ: dict[str, str]) -> dict[str, object]:
    return hub_behind(environ, own_hub=OWN, own_bundle=BUNDLE)


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param(" https://hub.example/ ", "https://hub.example", id="another"),
        pytest.param("https://hub.example/api/hf", "https://hub.example/api/hf", id="with-a-path"),
        pytest.param("http://127.0.0.1:4712", "http://127.0.0.1:4712", id="another-emulator"),
        pytest.param(OWN, "", id="itself"),
        pytest.param("http://localhost:4711/", "", id="itself-by-another-name"),
    ],
)
def test_the_hub_behind_is_the_one_that_the_user_names(endpoint: str, wanted: str) -> None:
    assert told({"HF_ENDPOINT": endpoint})["endpoint"] == wanted


@pytest.mark.parametrize("endpoint", ["hub.example", "ftp://hub.example", "https://", "http://hub.example:port"])
def test_what_is_no_address_is_refused_by_its_name(endpoint: str) -> None:
    with pytest.raises(GateliftError, match=r"HF_ENDPOINT is .* not the address of a Hub"):
        told({"HF_ENDPOINT": endpoint})


def test_proxies_offline_mode_certificates_and_caches_are_those_of_the_machine() -> None:
    environ = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "https_proxy": "http://lower.example:3128",
        "NO_PROXY": "internal",
        "HF_HUB_OFFLINE": "1",
        "SSL_CERT_FILE": "/etc/own.pem",
        "GATELIFT_CACHE_DIR": "/cache",
        "HF_HOME": "/hf",
    }
    assert told(environ) == {
        "endpoint": "",
        "cache": "/cache/hub",
        "machine_cache": "/hf/hub",
        "offline": True,
        "proxies": {"https_proxy": "http://lower.example:3128", "no_proxy": "internal"},
        "ca_bundle": "/etc/own.pem",
    }


def test_our_own_certificates_are_not_those_of_the_machine() -> None:
    assert told({"REQUESTS_CA_BUNDLE": BUNDLE, "SSL_CERT_FILE": "/etc/own.pem"})["ca_bundle"] == "/etc/own.pem"
    assert told({"REQUESTS_CA_BUNDLE": BUNDLE})["ca_bundle"] == ""


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"XDG_CACHE_HOME": "/xdg"},
        {"XDG_CACHE_HOME": "/xdg", "HF_HOME": "~/hf"},
        {"HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/older"},
        {"HUGGINGFACE_HUB_CACHE": "/older", "HF_HUB_CACHE": "$HOME/hub"},
    ],
    ids=lambda environ: "+".join(environ) or "nothing",
)
def test_the_machines_cache_is_where_huggingface_hub_has_it(environ: dict[str, str], tmp_path: Path) -> None:
    program = "import json; from huggingface_hub.constants import HF_HUB_CACHE; print(json.dumps(HF_HUB_CACHE))"
    home = {"HOME": str(Path.home()), "PATH": os.environ["PATH"]}
    found = subprocess.run([sys.executable, "-c", program], env=home | environ, capture_output=True, check=True)
    assert machine_cache(environ) == json.loads(found.stdout)
