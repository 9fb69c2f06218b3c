"""The error codes of online endpoints: why each occurs, and what to do.

Sources: Azure ML "Troubleshoot online endpoints" (https://aka.ms/oe-tsg), "Secret injection in online endpoints",
Azure RBAC troubleshooting, Resource Manager's common error codes. One code may have several causes, distinguished by
words in the message; the last one is the general one.
"""

from msgspec import Struct

TSG = "https://aka.ms/oe-tsg"


class Diagnosis(Struct, frozen=True):
    """One cause of an error and what to do; it applies if the message contains one of `words`, or if there are none."""

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
            "the image and the model do not fit on the machine's disk",
            "choose a larger instance_type, or a smaller model",
            ("disk", "no space left"),
        ),
        Diagnosis(
            "the region has no machines of this size free at the moment",
            "run the command again later, or choose another region or instance_type",
            ("capacity",),
        ),
        Diagnosis(
            "the subscription has reached its limit of role assignments",
            "delete role assignments that are no longer needed, or ask for a higher limit",
            ("role assignment",),
        ),
        Diagnosis(
            "the subscription has reached its limit of endpoints or deployments",
            "delete those that are no longer needed (`az ml online-endpoint list`), or ask for a higher limit in Azure "
            "ML studio",
            ("number of endpoints", "number of deployments", "number of online"),
        ),
        Diagnosis(
            "the subscription has too few cores of this VM family in this region; Azure requires a fifth more cores "
            "than the deployment uses, as a reserve",
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
            "run `az ml workspace sync-keys`; with a private registry, set a compute for image builds "
            "(image_build_compute)",
            ("authoriz", "unauthorized", "access denied", "registry"),
        ),
        Diagnosis(
            "the environment's image could not be built",
            "read the build log that the message names, in the workspace's storage account",
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
            "ask the person responsible for the policy that the message names",
            ("policy",),
        ),
        Diagnosis(
            "the image, the model or the code was not found, or the request is wrong",
            "check the names in the message against the spec",
        ),
    ),
    "BadRequest": (
        Diagnosis(
            "the service refused the request",
            "correct what the message names in the spec, and run the command again",
        ),
    ),
    "ResourceNotReady": (
        Diagnosis(
            "the container ended, or did not become ready before the readiness probe gave up",
            "`gatelift logs` shows the container's log; if the model loads slowly, raise "
            "readiness_probe.failure_threshold",
        ),
    ),
    "ResourceNotFound": (
        Diagnosis(
            "a resource that the request names does not exist, or its registry is private",
            "check the workspace, names and versions; for an image in a private registry, give the identity AcrPull",
        ),
    ),
    "WorkspaceManagedNetworkNotReady": (
        Diagnosis(
            "the workspace's managed network is not provisioned",
            "run `az ml workspace provision-network --name WORKSPACE`",
        ),
    ),
    "OperationCanceled": (
        Diagnosis(
            "another operation on the endpoint came first, or holds its lock", "run the command again in a minute"
        ),
    ),
    "InternalServerError": (
        Diagnosis(
            "something failed inside Azure",
            "run the command again; if it fails again, open a support ticket with the request id",
        ),
    ),
    "SubscriptionNotRegistered": (
        Diagnosis(
            "a resource provider is not registered in the subscription",
            "run `az provider register --namespace Microsoft.MachineLearningServices`, and the same for "
            "Microsoft.PolicyInsights and Microsoft.Cdn",
        ),
    ),
    "UserError": (
        Diagnosis(
            "an endpoint with this name already exists in the region, perhaps another customer's",
            "choose another endpoint.name",
            ("endpoint with this name", "name already exists"),
        ),
        Diagnosis("the service refused the request", "correct in the spec what the message names"),
    ),
    "AuthorizationFailed": (
        Diagnosis(
            "the signed-in principal lacks a permission",
            "ask for the role AzureML Data Scientist on the workspace; a new role takes up to 10 minutes to work",
        ),
    ),
    "RoleAssignmentUpdateNotPermitted": (
        Diagnosis(
            "a role assignment with that name exists, but for another role or principal",
            "delete it with `az role assignment delete --ids ID`",
        ),
    ),
    "PrincipalNotFound": (
        Diagnosis("the identity was created moments ago and is not known everywhere yet", "run the command again"),
    ),
    "ResourceGroupNotFound": (
        Diagnosis("the resource group does not exist", "correct workspace.resource_group in the spec"),
    ),
    "SubscriptionNotFound": (
        Diagnosis(
            "the subscription does not exist, or you have no access to it",
            "check workspace.subscription_id, and the tenant of `az login`",
        ),
    ),
    "TooManyRequests": (Diagnosis("Azure is throttling this subscription", "run the command again in a minute"),),
    "KeyError": (
        Diagnosis(
            "in a container's log: a gated registry model looked for the token and found none",
            "write the token to HuggingFaceTokenConnection with `gatelift token set`; the endpoint needs "
            "`enforce_access_to_default_secret_stores: enabled`",
        ),
    ),
}

# Azure wraps many of these errors in a general code; then words in the message say which one it is.
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
