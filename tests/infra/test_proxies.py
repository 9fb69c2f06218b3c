"""Proxies that no command can use are refused by their name before anything is asked."""

import pytest

from infra.azure.target import open_workspace
from infra.errors import NotReady
from infra.proxies import refuse_unusable_proxies
from infra.spec.model import WorkspaceSpec

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param("socks5://u:geheim@127.0.0.1:9", "names a SOCKS proxy", id="socks"),
        pytest.param("http://[bad", "is not the address of a proxy", id="brackets"),
        pytest.param("http://u:geheim@127.0.0.1:port", "is not the address of a proxy", id="port"),
        pytest.param("http://", "is not the address of a proxy", id="no-host"),
        pytest.param("ftp://127.0.0.1:9", "names a proxy for ftp", id="scheme"),
    ],
)
def test_what_cannot_be_used_is_named_when_azure_is_opened(name: str, value: str, words: str) -> None:
    where = WorkspaceSpec(subscription_id=SUBSCRIPTION, resource_group="group", name="workspace")
    with pytest.raises(NotReady, match=f"{name} {words}") as error:
        open_workspace(where, local=False, environ={name: value})
    assert f"`unset {name}`" in error.value.hint
    assert "geheim" not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTPS_PROXY": "http://user:word@proxy.example:3128"},
        {"https_proxy": "proxy.example:3128"},
        {"ALL_PROXY": ""},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "*"},
    ],
)
def test_an_http_proxy_can_be_used(environ: dict[str, str]) -> None:
    refuse_unusable_proxies(environ)
