"""Causes of errors about logins, roles and permissions."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

ACCESS: Causes = {
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
    "SubscriptionNotRegistered": (
        Diagnosis(
            "a resource provider is not registered in the subscription",
            "run `az provider register --namespace Microsoft.MachineLearningServices`, and the same for "
            "Microsoft.PolicyInsights and Microsoft.Cdn",
        ),
    ),
}
