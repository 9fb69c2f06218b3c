"""Every error code that people meet on online endpoints: why, and the way out.

Sources: Azure ML "Troubleshoot online endpoints" (https://aka.ms/oe-tsg), "Secret injection in online endpoints",
Azure RBAC troubleshooting, Resource Manager's common error codes. One code may have several causes, told apart by words
of the message; the last one is the general one.
"""

from msgspec import Struct

TSG = "https://aka.ms/oe-tsg"


class Diagnosis(Struct, frozen=True):
    """Why it happens and the way out; `words` of the message say that it is this one."""

    cause: str
    hint: str
    words: tuple[str, ...] = ()


KNOWN: dict[str, tuple[Diagnosis, ...]] = {
    "SecretsInjectionError": (
        Diagnosis(
            "the identity could not read the Key Vault secret that the deployment refers to",
            "check the address, its version included, and give the endpoint's identity the role 'Key Vault Secrets "
            "User' on the vault, which must use the RBAC permission model",
            ("key vault", "keyvault"),
        ),
        Diagnosis(
            "the endpoint's identity could not read the secret that the deployment's environment variables refer to",
            "create the endpoint with `enforce_access_to_default_secret_stores: enabled` (a new endpoint: the flag "
            "cannot be added later), or give its identity the role 'Azure Machine Learning Workspace Connection "
            "Secrets Reader' on the workspace and wait up to 10 minutes; check the connection and its key with "
            "`gatelift token verify`",
        ),
    ),
    "OutOfQuota": (
        Diagnosis(
            "the container used more memory than the machine has",
            "lower engine.max_model_len or engine.gpu_memory_utilization, or choose a larger instance_type",
            ("memory",),
        ),
        Diagnosis(
            "image and model do not fit on the machine's disk",
            "choose a larger instance_type, or a smaller model",
            ("disk", "no space left"),
        ),
        Diagnosis(
            "the region has no machines of this size free at the moment",
            "run the command again later, or choose another region or instance_type",
            ("capacity",),
        ),
        Diagnosis(
            "the subscription has reached its number of role assignments",
            "delete role assignments that nobody needs, or ask for more",
            ("role assignment",),
        ),
        Diagnosis(
            "the subscription has reached its number of endpoints or deployments",
            "delete what nobody needs (`az ml online-endpoint list`), or ask for more in Azure ML studio",
            ("number of endpoints", "number of deployments", "number of online"),
        ),
        Diagnosis(
            "the subscription has too few cores of this VM family in this region; Azure wants a fifth more than asked "
            "for, as a reserve",
            "choose a smaller instance_type or another region, or ask for more quota in Azure ML studio",
        ),
    ),
    "OutOfCapacity": (
        Diagnosis(
            "the region has no machines of this size free at the moment",
            "run the command again later, or choose another region or instance_type",
        ),
    ),
    "ImageBuildFailure": (
        Diagnosis(
            "the workspace's registry refused the image build",
            "`az ml workspace sync-keys`; a private registry needs a compute for builds (image_build_compute)",
            ("authoriz", "unauthorized", "access denied", "registry"),
        ),
        Diagnosis(
            "the environment's image could not be built",
            "read the build log that the message names; it lies in the workspace's storage account",
        ),
    ),
    "BadArgument": (
        Diagnosis(
            "the endpoint's identity may not pull the image or read the model",
            "give a user-assigned identity AcrPull on the registry and Storage Blob Data Reader on the storage account",
            ("pull permission", "authorization-error", "permission"),
        ),
        Diagnosis(
            "an Azure policy of the subscription forbids the resource",
            "ask who looks after the policy that the message names",
            ("policy",),
        ),
        Diagnosis(
            "image, model or code cannot be found, or the request is wrong",
            "check the names in the message",
        ),
    ),
    "BadRequest": (
        Diagnosis(
            "the service refused the request as it is",
            "correct what the message names in the spec, and run the command again",
        ),
    ),
    "ResourceNotReady": (
        Diagnosis(
            "the container ended, or did not become ready within the probes' time",
            "`gatelift logs` shows the container's output; for a slow load raise readiness_probe.failure_threshold",
        ),
    ),
    "ResourceNotFound": (
        Diagnosis(
            "a resource that the request names does not exist, or its registry is private",
            "check workspace, names and versions; an image in a private registry needs AcrPull for the identity",
        ),
    ),
    "WorkspaceManagedNetworkNotReady": (
        Diagnosis(
            "the workspace's managed network is not provisioned", "`az ml workspace provision-network --name WORKSPACE`"
        ),
    ),
    "OperationCanceled": (
        Diagnosis(
            "another operation on the endpoint came first, or held its lock", "run the command again in a minute"
        ),
    ),
    "InternalServerError": (
        Diagnosis("Azure failed", "run the command again; if it stays, open a support ticket with the request id"),
    ),
    "SubscriptionNotRegistered": (
        Diagnosis(
            "a resource provider is not registered in the subscription",
            "`az provider register --namespace Microsoft.MachineLearningServices`, and the same for "
            "Microsoft.PolicyInsights and Microsoft.Cdn",
        ),
    ),
    "UserError": (
        Diagnosis(
            "another endpoint in this region has the name, perhaps another customer's",
            "choose another endpoint.name",
            ("endpoint with this name", "name already exists"),
        ),
        Diagnosis("the service refused the request", "the message says what of it"),
    ),
    "AuthorizationFailed": (
        Diagnosis(
            "the signed-in principal lacks a right",
            "ask for the role AzureML Data Scientist on the workspace; new roles take up to 10 minutes to arrive",
        ),
    ),
    "RoleAssignmentUpdateNotPermitted": (
        Diagnosis(
            "a role assignment of that name exists and says something else",
            "delete it: `az role assignment delete --ids ID`",
        ),
    ),
    "PrincipalNotFound": (
        Diagnosis("the identity was made moments ago and is not known everywhere yet", "run the command again"),
    ),
    "ResourceGroupNotFound": (
        Diagnosis("the resource group does not exist", "check workspace.resource_group in the spec"),
    ),
    "SubscriptionNotFound": (
        Diagnosis(
            "the subscription does not exist or is not yours",
            "check workspace.subscription_id, and the tenant of `az login`",
        ),
    ),
    "TooManyRequests": (Diagnosis("Azure throttles this subscription", "run the command again in a minute"),),
    "KeyError": (
        Diagnosis(
            "in a container's log: a gated model of a registry looked for the token and found none",
            "`gatelift token set` writes HuggingFaceTokenConnection; the endpoint needs "
            "`enforce_access_to_default_secret_stores: enabled`",
        ),
    ),
}

# Azure wraps many of these in a general code; the words of the message tell more.
CLUES: tuple[tuple[str, str], ...] = (
    ("inject workspace connection secrets", "SecretsInjectionError"),
    ("Not enough quota", "OutOfQuota"),
    ("Not enough subscription CPU quota", "OutOfQuota"),
    ("insufficient memory", "OutOfQuota"),
    ("name already exists", "UserError"),
    ("crashed or terminated", "ResourceNotReady"),
    ("isn't registered with Subscription", "SubscriptionNotRegistered"),
    ("pull permission", "BadArgument"),
)
