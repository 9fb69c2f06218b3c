"""The checks of what a stack needs of Azure."""

from msgspec.structs import replace

from infra.azure.image_builds import ACTIONS, require_registry
from infra.azure.permissions import AUTOSCALE_ACTIONS, missing_actions
from infra.azure.quota import check_quota
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.operations.doctor.verdicts import CheckWarning
from infra.planning.cautions import shared_memory
from infra.planning.desired import shipped_sources
from infra.planning.observe import workspace
from infra.planning.serving import serving
from infra.planning.token_access import token_spec
from infra.resources.base import owner_of
from infra.resources.image import Image
from infra.resources.scaling.parked import parked_in
from infra.spec.model import StackSpec


class StackChecks:
    """The checks that ask Azure about one stack."""

    def __init__(self, spec: StackSpec, target: Target) -> None:
        self.spec = spec
        self.target = target
        self.cloud = target.cloud

    def check_workspace(self) -> str:
        """The workspace exists and may be read."""
        address = self.cloud.workspace
        if address.absent:
            return f"{address.name} is not in the emulator yet, `up --local` makes it in {address.location}"
        document = workspace(self.cloud)
        self.cloud = replace(self.cloud, workspace=replace(address, location=document.get("location", "")))
        return f"{address.name} in {self.cloud.region}"

    def check_role(self) -> str:
        """The caller may do everything that `up` does; listsecrets is needed for the endpoint's right to the token."""
        permissions = self.cloud.management.list(
            f"{self.cloud.workspace.id}/providers/Microsoft.Authorization/permissions", api_version="2022-04-01"
        )
        if missing := missing_actions(permissions):
            raise AccessDenied(
                f"you may not do {', '.join(missing)}",
                hint=f'ask an owner: az role assignment create --role "AzureML Data Scientist" --assignee YOU --scope '
                f"{self.cloud.workspace.id}",
            )
        return "you may do what `up` does"

    def check_autoscale(self) -> str:
        """The caller may write the autoscale setting, which lies in the resource group."""
        group = self.cloud.workspace.id.partition("/providers/")[0]
        permissions = self.cloud.management.list(
            f"{group}/providers/Microsoft.Authorization/permissions", api_version="2022-04-01"
        )
        if missing := missing_actions(permissions, AUTOSCALE_ACTIONS):
            raise AccessDenied(
                f"you may not do {', '.join(missing)}",
                hint=f'ask an owner: az role assignment create --role "Monitoring Contributor" --assignee YOU --scope '
                f"{group}; or leave deployment.autoscale out",
            )
        return "you may write the autoscale setting"

    def check_quota(self) -> str:
        """The quota covers the deployment, including the reserve that Azure adds."""
        deployment = self.spec.deployment
        try:
            endpoint = serving(self.cloud, self.spec)
            live = endpoint.deployments.get(endpoint.name)
            running = int(live.state["instance_count"] or 0) if live else 0
        except NotFound:
            running = 0
        wanted = deployment.autoscale.max if deployment.autoscale else deployment.instance_count or max(running, 1)
        quota = check_quota(self.cloud, deployment.instance_type, wanted=wanted, running=running)
        region = self.cloud.region
        if quota:
            return f"{quota.needed} cores of {quota.family} needed, {quota.used} of {quota.limit} used in {region}"
        if wanted <= running:
            return f"{deployment.instance_type} runs already, {running} of {wanted} wanted instances"
        raise CheckWarning(f"Azure lists no quota for {deployment.instance_type} in {region}, or you may not read it")

    def check_image(self) -> str:
        """The container's image is there, or the caller can build it in the workspace's registry."""
        if self.spec.model.brings_container:
            return "a registry model brings its own"
        environment, _ = shipped_sources().assets(self.spec)
        if environment.spec.image:
            return f"{environment.spec.image} is pulled when the deployment starts; nobody has looked whether it can be"
        if Image(environment).read(self.cloud) is not None:
            return f"{environment.name} is built"
        if self.cloud.workspace.absent:
            return f"`up` builds {environment.name} in the workspace's registry first, on {environment.base}"
        registry = require_registry(self.cloud)
        permissions = self.cloud.management.list(
            f"{registry}/providers/Microsoft.Authorization/permissions", api_version="2022-04-01"
        )
        where = registry.rpartition("/")[2]
        if missing := missing_actions(permissions, ACTIONS):
            raise AccessDenied(
                f"you may not build the image in {where}: {', '.join(missing)}",
                hint=f'ask an owner: az role assignment create --role "Container Registry Tasks Contributor" '
                f"--assignee YOU --scope {registry}; or name a ready image in environment.image",
            )
        return f"`up` builds {environment.name} in {where} first, on {environment.base}"

    def check_endpoint(self) -> str:
        """The endpoint's name is free in this workspace, or the endpoint is the stack's own."""
        name = self.spec.endpoint.name.lower()
        document = self.cloud.management.get(self.cloud.workspace.endpoint(name))
        if document is None:
            return f"{name} is free in this workspace, but may still be taken in the region"
        owner = owner_of(document.get("tags"))
        if owner == self.spec.name:
            parked = parked_in(document)
            return f"{name} is this stack's own" + (f", {parked.words}: `gatelift wake` or `up`" if parked else "")
        raise GateliftError(
            f"{name} exists and belongs to {f'the stack {owner}' if owner else 'somebody else'}",
            hint="choose another `endpoint.name`",
        )

    def check_connection(self) -> str:
        """The connection that holds the token exists, or `up` can create it."""
        name = token_spec(self.spec).connection
        if self.cloud.management.get(self.cloud.workspace.connection(name)) is not None:
            return f"{name} exists"
        return f"{name} does not exist yet, `up` creates it"

    def check_gpus(self) -> str:
        """What a model on several GPUs should know."""
        if said := shared_memory(self.spec.deployment):
            raise CheckWarning(said, "`pytest -m azure tests/contract` tells how large it is: docs/live-check.md")
        return "one GPU, which needs no shared memory"
