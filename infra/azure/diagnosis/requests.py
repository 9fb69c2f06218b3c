"""Causes of errors about the request itself, and about operations that Azure refuses or ends."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

_REFUSED_BY_INFERENCING = Diagnosis(
    "the service that runs the deployments refused this one; the message says why, most often for lack of quota",
    "correct in the spec what the message names; `gatelift explain OutOfQuota` where it speaks of quota or cores",
)
REQUESTS: Causes = {
    "BadArgument": (
        Diagnosis(
            "the endpoint's identity may not pull the image or read the model",
            "give a user-assigned identity AcrPull on the workspace's registry and Storage Blob Data Reader on its "
            "storage account: `gatelift up` does, or names the commands",
            ("pull permission", "authorization-error", "permission"),
        ),
        Diagnosis(
            "an Azure policy of the subscription forbids the resource",
            "ask the person responsible for the policy that the message names",
            ("policy",),
        ),
        Diagnosis(
            "the registry does not have the image, since a retention policy or `acr purge` has deleted it, or does not "
            "give it to everybody, as ghcr.io with packages that nobody has made public",
            "make it public, or build it again with `gatelift image build SPEC --rebuild` and name the image that this "
            "prints in environment.image",
            ("user container image",),
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
    "InferencingClientCreateDeploymentFailed": (_REFUSED_BY_INFERENCING,),
    "InferencingClientUpdateDeploymentFailed": (_REFUSED_BY_INFERENCING,),
    "InferencingClientDeleteDeploymentFailed": (
        Diagnosis(
            "the deployment gets requests, or another operation on it or on its endpoint is still running",
            "move the traffic away first, or run the command again in a minute; `gatelift status` shows which it is",
        ),
    ),
    "InferencingClientCallFailed": (
        Diagnosis(
            "the service that runs the endpoints refused the request",
            "correct in the spec what the message names (a name, the traffic), and run the command again",
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
    "Conflict": (
        Diagnosis(
            "the endpoint itself is being changed, or was moments ago; meanwhile Azure lets no deployment on it change",
            "run the command again in a minute: it continues where this one ended",
            ("provisioning state",),
        ),
        Diagnosis("another change of the same resource came first", "run the command again in a minute"),
    ),
    "InternalServerError": (
        Diagnosis(
            "something failed inside Azure",
            "run the command again; if it fails again, open a support ticket with the request id",
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
    "ResourceGroupNotFound": (
        Diagnosis("the resource group does not exist", "correct workspace.resource_group in the spec"),
    ),
    "SubscriptionNotFound": (
        Diagnosis(
            "the subscription does not exist, or you have no access to it",
            "check workspace.subscription_id, and the tenant of `az login`",
        ),
    ),
}
