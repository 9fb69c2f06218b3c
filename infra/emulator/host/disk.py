"""The disk of an instance: a deployment whose image and files are larger than it fails, as it does on Azure.

Where on a machine Azure ML puts image, code and model is not documented. Known are the code of the error (OutOfQuota,
in the documentation of its troubleshooting) and one disk that somebody has seen; the settings change both sizes.
"""

from pathlib import Path

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.mounting import size_on_disk
from infra.emulator.world import World

GB = 1_000_000_000
# GB; seen on a compute cluster, see github.com/Azure/azureml-examples/issues/3749.
SEEN = {"standard_nc40ads_h100_v5": 128}


def check_disk(world: World, deployment_id: str, *folders: Path) -> None:
    """`DeploymentFailed` where the image and these folders do not fit on the disk of the deployment's instances."""
    instance_type = str(((world.store.get(deployment_id) or {}).get("properties") or {}).get("instanceType"))
    disk = world.settings["disk_gigabytes"] or SEEN.get(instance_type.lower(), 0)
    if not disk:
        return
    used = world.settings["image_gigabytes"] + size_on_disk(*folders) / GB
    if used > disk:
        raise DeploymentFailed(
            "OutOfQuota",
            f"There is not enough disk space on {instance_type}: the image, the model and what the container has "
            f"downloaded take {used:.3f} GB of {disk:g} GB, no space left on device. Please see troubleshooting "
            "guide, available here: https://aka.ms/oe-tsg#error-outofquota",
        )
