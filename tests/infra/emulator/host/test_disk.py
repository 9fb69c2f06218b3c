"""The disk of an instance: what does not fit fails the deployment with Azure's code and leaves no process."""

from typing import Any

import pytest

from infra.emulator.errors import DeploymentFailed
from infra.emulator.world import World
from tests.infra.emulator.worlds import CODE

pytestmark = pytest.mark.anyio
H100, A100 = "Standard_NC40ads_H100_v5", "Standard_NC24ads_A100_v4"
MEGABYTES = 3_000_000
DOWNLOADS = b"""
import os, pathlib
folder = pathlib.Path(os.environ["HF_HOME"])
folder.mkdir(parents=True, exist_ok=True)
(folder / "weights").write_bytes(bytes(3_000_000))
"""


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        pytest.param({"disk_gigabytes": 20}, A100, id="image"),
        pytest.param({"disk_gigabytes": 0.002, "image_gigabytes": 0}, A100, id="files"),
        pytest.param({"image_gigabytes": 129}, H100, id="a-disk-that-was-seen"),
    ],
)
async def test_what_does_not_fit(world: World, workspace: Any, settings: dict[str, float], size: str) -> None:
    world.settings.update(settings)
    world.blobs.put("assets", f"{workspace.code.rsplit('/', 3)[1]}/large", bytes(MEGABYTES))
    with pytest.raises(DeploymentFailed) as failure:
        await world.host.start(workspace.put_deployment(instanceType=size))
    assert (failure.value.code, "no space left on device" in failure.value.message) == ("OutOfQuota", True)
    assert world.host.instances(workspace.blue) == []


async def test_what_the_container_downloads_counts(world: World, workspace: Any) -> None:
    world.settings.update({"disk_gigabytes": 0.002, "image_gigabytes": 0})
    workspace.put_code(workspace.code, DOWNLOADS + (CODE / "score.py").read_bytes())
    with pytest.raises(DeploymentFailed) as failure:
        await world.host.start(workspace.put_deployment(instanceType=A100))
    assert failure.value.code == "OutOfQuota"
    assert world.host.instances(workspace.blue) == []


async def test_nobody_knows_the_disks_of_other_sizes(world: World, workspace: Any) -> None:
    world.settings.update({"image_gigabytes": 129})
    await world.host.start(workspace.put_deployment(instanceType=A100))
    assert world.host.ready(workspace.blue)
