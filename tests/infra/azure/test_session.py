"""Waits that Azure asks for: they are observed and reported, and end the command if they are too long."""

from email.message import Message
from typing import Any

import pytest

from infra.azure.arm import Arm
from infra.azure.session import ArmSession
from infra.errors import NotReady
from infra.http_client import Answer


class Throttling:
    """A service that answers 429 a given number of times."""

    def __init__(self, times: int, retry_after: str) -> None:
        self.left, self.retry_after = times, retry_after

    def send(self, method: str, url: str, **_: Any) -> Answer:
        headers: Any = Message()
        if self.left:
            self.left -= 1
            headers["Retry-After"] = self.retry_after
            return Answer(429, headers, b"")
        return Answer(200, headers, b"{}")


class Login:
    """A credential with a fixed token."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        return type("Token", (), {"token": "t"})


@pytest.mark.parametrize(
    ("retry_after", "longest", "status", "slept", "told"),
    [
        pytest.param("1", 7200.0, 200, [1.0, 1.0], 0, id="short"),
        pytest.param("60", 7200.0, 200, [60.0, 60.0], 2, id="worth-telling"),
        pytest.param("999999", 7200.0, 429, [], 0, id="longer-than-anybody-waits"),
        pytest.param("60", 30.0, 429, [], 0, id="longer-than-an-operation-may-take"),
    ],
)
def test_how_long_azure_may_ask_to_wait(
    retry_after: str, longest: float, status: int, slept: list[float], told: int
) -> None:
    pauses: list[float] = []
    lines: list[str] = []
    web: Any = Throttling(2, retry_after)
    session = ArmSession(web, Login(), "scope", sleep=pauses.append, longest=longest)
    session.tell = lines.append
    assert session.send("GET", "https://arm/id").status == status
    assert pauses == slept
    assert [line for line in lines if f"waiting {retry_after} s" in line] == lines
    assert len(lines) == told


def test_a_wait_that_is_too_long_is_the_hint() -> None:
    arm = Arm("https://arm", Login())
    web: Any = Throttling(1, "999999")
    arm._session = ArmSession(web, Login(), "scope")
    with pytest.raises(NotReady) as error:
        arm.get("/id")
    assert "in 999999 s" in error.value.hint
