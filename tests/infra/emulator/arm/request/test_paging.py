"""Lists come in pages: what the sizes mean, that a link leads to the next page, and that every item is on one."""

from typing import Any

import pytest

SIZES = ("$top", "count")


@pytest.fixture(scope="module")
def environments(emulator: Any, connect: Any, arm_class: Any) -> str:
    """An environment with seven versions."""
    with connect(emulator) as client:
        arm = arm_class(client)
        id = f"{arm.lab}/environments/paged/versions"
        for version in range(7):
            arm.done("PUT", f"{id}/{version}", {"properties": {"image": f"example.org/paged:{version}"}})
    return id


def pages(arm: Any, path: str, **query: str) -> list[list[str]]:
    """The names on every page, as a client sees them that follows `nextLink`."""
    found, answer = [], arm("GET", path, **query)
    while True:
        found.append([item["name"] for item in answer.json()["value"]])
        link = answer.json().get("nextLink")
        if not link:
            return found
        answer = arm.client.get(link)


@pytest.mark.parametrize(
    ("query", "sizes"),
    [
        pytest.param({}, [2, 2, 2, 1], id="the-emulators-own-size"),
        pytest.param({"$top": "1"}, [1] * 7, id="a-smaller-top"),
        pytest.param({"$top": "5"}, [2, 2, 2, 1], id="a-larger-top-loses-nothing"),
        pytest.param({"count": "1"}, [1] * 7, id="count"),
    ],
)
def test_every_item_is_on_one_page(arm: Any, environments: str, query: dict[str, str], sizes: list[int]) -> None:
    found = pages(arm, environments, **query)
    assert [len(page) for page in found] == sizes
    assert sorted(name for page in found for name in page) == [str(version) for version in range(7)]


def test_a_link_keeps_what_the_first_page_was_asked_for(arm: Any, environments: str) -> None:
    names = [name for page in pages(arm, environments, **{"$orderby": "createdtime asc"}) for name in page]
    assert names == sorted(names)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "99999999999", ""])
def test_sizes_that_are_no_numbers_are_refused(arm: Any, environments: str, name: str, value: str) -> None:
    answer = arm("GET", environments, **{name: value})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidQueryParameter")
    assert f"'{value}' of {name}" in answer.json()["error"]["message"]


@pytest.mark.parametrize("token", ["abc", "2", "YWZ0ZXI6eA==", "é"])
def test_a_token_that_was_never_given_is_refused(arm: Any, environments: str, token: str) -> None:
    answer = arm("GET", environments, **{"$skip": token})
    assert answer.status_code == 400
    assert f"'{token}'" in answer.json()["error"]["message"]
