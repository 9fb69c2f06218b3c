"""With the proxies of the environment set, the Hub is reached through them, and what is on this machine is not."""

import pytest

from infra.hub.access import Hub
from infra.hub.facts import ModelFacts
from tests.infra.hub.told import Say, ToldHub

INFO = {"id": "org/open", "sha": "a" * 40}
FACTS = ModelFacts("org/open", "a" * 40)
NAMES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_hub_is_asked_through_the_proxy(name: str, told: ToldHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, told.url)
    told.answers = [Say(body=INFO)]
    assert Hub("http://hub.example").model("org/open", None, None).id == "org/open"
    assert told.asked == [("http://hub.example/api/models/org/open?blobs=true", None)]


def test_so_are_the_files_that_the_hub_has_sent_from_elsewhere(told: ToldHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", told.url)
    told.answers = [Say(302, "", {"Location": "http://cdn.example/signed"}), Say(206, b"w")]
    Hub("http://hub.example").try_file(FACTS, "model.safetensors", "hf_goodtoken001")
    assert [path for path, _ in told.asked][1] == "http://cdn.example/signed"
    assert told.tokens == ["hf_goodtoken001", None]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
@pytest.mark.parametrize("name", NAMES)
def test_loopback_is_never_asked_through_a_proxy(
    name: str, host: str, told: ToldHub, elsewhere: ToldHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, elsewhere.url)
    told.answers = [Say(body=INFO)]
    Hub(told.url.replace("127.0.0.1", host)).model("org/open", None, None)
    assert (len(told.asked), elsewhere.asked) == (1, [])


def test_what_no_proxy_names_is_asked_directly(
    told: ToldHub, elsewhere: ToldHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
    elsewhere.answers = [Say(body=INFO)]
    monkeypatch.setenv("NO_PROXY", "other.example")
    Hub("http://hub.example").model("org/open", None, None)
    monkeypatch.setenv("NO_PROXY", ".invalid")
    with pytest.raises(Exception, match="nobody knows the name"):
        Hub("http://hub.invalid").model("org/open", None, None)
    assert len(elsewhere.asked) == 1
