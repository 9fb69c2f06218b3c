"""What a plan says of a deployment that nobody can be sure of beforehand: its disk, and shared memory for several GPUs.

None of it is refused, since only Azure knows: docs/live-check.md has what is known, and what would settle it.
"""

from msgspec import Struct
from msgspec.structs import replace

from infra.hub.facts import ModelFacts
from infra.planning.plan import Action, Plan
from infra.planning.sources.found import Found
from infra.resources.weights.version import in_words
from infra.sizing.disk import IMAGE_GB
from infra.sizing.instance_types import instance_type
from infra.spec.deployment import DeploymentSpec

GB = 1_000_000_000
UNREAD = (
    "an autoscale setting may have set instance_count, but you may not read these settings "
    "(Microsoft.Insights/autoscaleSettings/read): leave deployment.instance_count out to keep the live number"
)
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")


class DiskNeed(Struct, frozen=True):
    """What a deployment takes on its disk, and the disk of its instance type where somebody has seen it; in GB."""

    instance_type: str
    weights: float
    disk: float | None

    @property
    def fits(self) -> bool | None:
        """Whether it fits; None where nobody knows."""
        return None if self.disk is None else self.weights + IMAGE_GB <= self.disk

    def __str__(self) -> str:
        """Both numbers as a sentence."""
        need = f"the weights ({in_words(int(self.weights * GB))}) and the image (about {IMAGE_GB} GB)"
        if self.disk is None:
            return f"{need} have to fit on the disk of {self.instance_type}, whose size in Azure ML is not documented"
        verb = "fit" if self.fits else "do not fit"
        return f"{need} {verb} on the disk of {self.instance_type}, which was seen with {self.disk:.0f} GB in Azure ML"


def disk_need(deployment: DeploymentSpec, facts: ModelFacts | None) -> DiskNeed | None:
    """What the deployment takes on its disk; None where the Hub does not say how large the weights are."""
    if facts is None or facts.weights is None:
        return None
    size = deployment.instance_type
    known = instance_type(size)  # its documented disks say nothing of Azure ML: one of 3576 GiB was seen with 128 GB
    return DiskNeed(size, facts.weights / GB, known.seen_disk_gb if known else None)


def shared_memory(deployment: DeploymentSpec) -> str:
    """What a model on several GPUs should know of /dev/shm; empty for one GPU."""
    several = [name for name in PARALLEL if _number(deployment.engine.get(name)) > 1]
    if not several or "NCCL_SHM_DISABLE" in deployment.environment_variables:
        return ""
    return (
        f"{several[0]} is {deployment.engine[several[0]]}: GPUs without a direct link exchange data through /dev/shm, "
        "which Azure ML may limit to 64 MB and no setting enlarges; if the log tells of shared memory, set "
        "environment_variables: {NCCL_SHM_DISABLE: '1'}, which is slower"
    )


def other_bases(found: Found) -> str:
    """What to know of adapters that say that they were made for another model; empty where none does.

    The name of a folder or an asset says nothing about what is in it, so that only models of the Hub are compared.
    """
    model = found.facts.id
    if "/" not in model or model.startswith("azureml:"):
        return ""
    wrong = [each for each in found.adapters if each.base and _last(each.base) != _last(model)]
    return "; ".join(f"the adapter {each.name} was made for {each.base}, not for {model}" for each in wrong)


def _last(model: str) -> str:
    """The name without its organization or the folder it was in: a base may have been renamed or copied."""
    return model.rstrip("/").rpartition("/")[2].lower()


def with_cautions(
    plan: Plan, deployment: DeploymentSpec, found: Found | None, *, unread: bool = False, split: str = ""
) -> Plan:
    """The plan, with what to know of its deployment in the reason of its change.

    `unread` says that autoscale settings may not be read, `split` what to know where two deployments get requests.
    """
    if unread:
        plan = _with_doubt(plan)
    need = disk_need(deployment, found.facts if found else None)
    bases = other_bases(found) if found else ""
    disk = f"{need}: it would probably fail with OutOfQuota" if need and need.fits is False else ""
    if not (said := [text for text in (disk, shared_memory(deployment), bases, split) if text]):
        return plan
    changes = tuple(
        replace(change, reason="; ".join([change.reason, *said]))
        if change.kind == "deployment" and change.action in (Action.CREATE, Action.UPDATE, Action.REPLACE)
        else change
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _with_doubt(plan: Plan) -> Plan:
    """The plan, where it changes a number of instances that an autoscale setting may own."""
    changes = tuple(
        replace(change, reason=f"{change.reason}; {UNREAD}")
        if change.kind == "deployment" and change.action is Action.UPDATE and "instance_count" in change.fields
        else change
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
