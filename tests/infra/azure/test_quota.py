"""The cores of quota that Azure requires, and the error when they are not available."""

from typing import Any

import pytest
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.quota import Size, check_quota, cores_needed, size_of
from infra.errors import Refused

T4 = "Standard_NC4as_T4_v3"
A100 = "Standard_NC24ads_A100_v4"


@pytest.mark.parametrize(
    ("size", "instances", "cores"),
    [
        pytest.param(Size("f", 4), 1, 8, id="one-instance-counts-twice"),
        pytest.param(Size("f", 4), 5, 24, id="five-are-six"),
        pytest.param(Size("f", 4), 6, 32, id="six-are-eight"),
        pytest.param(Size("f", 24, True), 2, 48, id="exempt"),
    ],
)
def test_the_reserve_is_a_fifth_rounded_up(size: Size, instances: int, cores: int) -> None:
    assert cores_needed(size, instances) == cores


def usage(family: str, used: int, limit: int) -> dict[str, Any]:
    return {"name": {"value": family}, "currentValue": used, "limit": limit}


@pytest.fixture
def eastus(plain_cloud: Cloud, shelf: Any) -> Cloud:
    where = plain_cloud.workspace.in_location("eastus", "usages")
    shelf.documents[f"{where}/1"] = usage("Standard NCASv3_T4 Family", 0, 8)
    shelf.documents[f"{where}/2"] = usage("standardNCADSA100v4Family", 24, 24)
    return replace(plain_cloud, workspace=replace(plain_cloud.workspace, location="eastus"))


def test_what_fits_passes_with_the_numbers(eastus: Cloud) -> None:
    room = check_quota(eastus, T4, wanted=1, running=0)
    assert room is not None
    assert (room.needed, room.limit) == (8, 8)


def test_what_does_not_fit_is_refused_with_limit_used_and_needed(eastus: Cloud) -> None:
    with pytest.raises(Refused, match=r"limit of 24 cores, 24 are used, 24 more") as error:
        check_quota(eastus, A100, wanted=2, running=1)
    assert error.value.code == "OutOfQuota"


def test_fewer_instances_than_run_need_nothing(eastus: Cloud) -> None:
    assert check_quota(eastus, A100, wanted=1, running=2) is None


def test_a_family_that_azure_does_not_list_is_left_to_azure(eastus: Cloud) -> None:
    assert check_quota(eastus, "Standard_ND40rs_v2", wanted=1, running=0) is None


def test_an_unknown_size_is_looked_up_in_the_region(eastus: Cloud, shelf: Any) -> None:
    sizes = eastus.workspace.in_location("eastus", "vmSizes")
    shelf.documents[f"{sizes}/1"] = {"name": "STANDARD_NEW_V9", "family": "f", "vCPUs": 3}
    assert size_of(eastus, "Standard_New_v9") == Size("f", 3)
    assert size_of(eastus, "Standard_None") is None
