"""A Hub that does not answer or must not be asked: one error, without a long wait, with a hint."""

import socket
from collections.abc import Callable, Iterator

import huggingface_hub.constants
import pytest

from infra.errors import NotReady
from infra.hub.access import Hub
from infra.timeouts import Timeouts

SHORT = Timeouts(request=0.2)


@pytest.fixture
def silent() -> Iterator[str]:
    """A Hub that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda hub: hub.model("org/name", None, None), id="model"),
        pytest.param(lambda hub: hub.token("hf_x"), id="token"),
        pytest.param(lambda hub: hub.check_access("org/name", "hf_x"), id="access"),
    ],
)
def test_a_hub_that_hangs_is_waited_for_as_long_as_azure(silent: str, ask: Callable[[Hub], object]) -> None:
    with pytest.raises(NotReady) as error:
        ask(Hub(silent, timeouts=SHORT))
    assert (error.value.code, bool(error.value.hint)) == ("hub_unreachable", True)


def test_the_hubs_own_switch_is_told(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NotReady) as error:
        Hub(silent, timeouts=SHORT).token("hf_x")
    assert (error.value.code, "unset HF_HUB_OFFLINE" in error.value.hint) == ("hub_offline", True)
