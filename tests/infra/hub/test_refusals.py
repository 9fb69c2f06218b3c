"""Each cause for which the Hub does not answer as hoped has a code of its own, and a way out."""

import socket
from collections.abc import Callable

import pytest

from infra.errors import GateliftError
from infra.hub.access import Hub
from infra.timeouts import Timeouts
from tests.infra.conftest import ManualClock
from tests.infra.hub.told import Say, ToldHub

GOOD = "hf_goodtoken001"
PAGE = {"Content-Type": "text/html; charset=utf-8"}
FINE_GRAINED = "Please enable access to public gated repositories in your fine-grained token settings"


def refused(status: int, code: str, words: str) -> Say:
    headers = {"X-Error-Message": words} | ({"X-Error-Code": code} if code else {})
    return Say(status, {"error": words}, headers)


def model(hub: Hub) -> object:
    return hub.model("org/name", "v1", None)


def access(hub: Hub) -> object:
    return hub.check_access("org/name", GOOD)


def token(hub: Hub) -> object:
    return hub.token(GOOD)


def error_of(url: str, ask: Callable[[Hub], object]) -> GateliftError:
    with pytest.raises(GateliftError) as caught:
        ask(Hub(url, timeouts=Timeouts(request=2.0), clock=ManualClock()))
    assert caught.value.hint
    assert GOOD not in f"{caught.value} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    ("answer", "ask", "code", "words"),
    [
        pytest.param(refused(401, "GatedRepo", "restricted"), model, "token_missing", "gated", id="gated"),
        pytest.param(
            refused(403, "GatedRepo", "awaiting a review"), access, "access_pending", "is waiting", id="pending"
        ),
        pytest.param(
            refused(403, "GatedRepo", "has been rejected"), access, "access_rejected", "rejected", id="rejected"
        ),
        pytest.param(
            refused(403, "GatedRepo", "you are not in the authorized list"),
            access,
            "access_not_requested",
            "no access",
            id="not-requested",
        ),
        pytest.param(refused(403, "", FINE_GRAINED), access, "token_scope", "fine-grained", id="fine-grained"),
        pytest.param(
            refused(403, "", "Your organization allows no such tokens"),
            access,
            "hub_forbidden",
            "allows no such tokens",
            id="forbidden",
        ),
        pytest.param(refused(401, "", "Invalid credentials"), access, "token_invalid", "expired", id="invalid"),
        pytest.param(refused(401, "", "Your token is expired"), token, "token_invalid", "expired", id="expired"),
        pytest.param(refused(400, "", "Bad header"), token, "token_invalid", "not know", id="malformed"),
        pytest.param(refused(401, "RepoNotFound", "?"), model, "repository_not_found", "not on the Hub", id="no-model"),
        pytest.param(
            refused(404, "RepoNotFound", "?"), access, "repository_not_found", "may not see it", id="hidden-model"
        ),
        pytest.param(refused(404, "RevisionNotFound", "?"), model, "revision_not_found", "'v1'", id="no-revision"),
        pytest.param(refused(429, "", "slow down"), model, "hub_throttled", "429", id="throttled"),
        pytest.param(refused(500, "", "oops"), model, "hub_error", "500", id="error"),
        pytest.param(refused(418, "", "I am a teapot"), model, "hub_error", "teapot", id="unheard-of"),
        pytest.param(Say(body=b"{", cut=True), model, "hub_cut", "before its answer was whole", id="cut"),
        pytest.param(Say(body=b"{"), model, "hub_not_a_hub", "no JSON", id="broken-json"),
        pytest.param(Say(body=["a"]), model, "hub_not_a_hub", "another document", id="a-list"),
        pytest.param(Say(body=b"<html>Log in", headers=PAGE), model, "hub_not_a_hub", "a web page", id="captive"),
        pytest.param(Say(body=b"<html>Log in", headers=PAGE), access, "hub_not_a_hub", "a web page", id="captive-ok"),
        pytest.param(Say(404, b"<html>nginx", PAGE), model, "hub_not_a_hub", "404", id="another-server"),
        pytest.param(Say(407, b"", {}), model, "hub_proxy", "login", id="proxy-login"),
    ],
)
def test_what_an_answer_means(told: ToldHub, answer: Say, ask: Callable[[Hub], object], code: str, words: str) -> None:
    told.answers = [answer]
    error = error_of(told.url, ask)
    assert (error.code, words in str(error)) == (code, True), error


def test_a_name_that_nobody_knows() -> None:
    assert error_of("https://hub.invalid", model).code == "hub_unknown_host"


def test_a_server_without_tls(told: ToldHub) -> None:
    told.answers = [Say()]
    error = error_of(told.url.replace("http://", "https://"), model)
    assert (error.code, "REQUESTS_CA_BUNDLE" in error.hint) == ("hub_certificate", True)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_where_nobody_listens(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv(name, f"http://me:geheim@127.0.0.1:{port}")
    error = error_of("https://hub.example", model)
    assert (error.code, "the proxy 127.0.0.1" in str(error)) == ("hub_proxy", True)
    assert "geheim" not in str(error)
