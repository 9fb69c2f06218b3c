"""Causes of errors about logins, roles and permissions."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

SUBJECT_HINT = (
    "compare the issuer, subject and audience that the message names with the federated credential of AZURE_CLIENT_ID: "
    "`az identity federated-credential list` (or `az ad app federated-credential list`); GitHub's subject is "
    "`repo:OWNER/NAME:environment:ENVIRONMENT` for a job with an environment, else `…:ref:refs/heads/BRANCH` or "
    "`…:pull_request`"
)
TENANT_HINT = (
    "correct AZURE_TENANT_ID (`az account show --query tenantId`), and the cloud: AZURE_CLOUD, or `cloud:` in the spec"
)
RESET = "make a new one with `az ad app credential reset --id CLIENT_ID`, and write its value to AZURE_CLIENT_SECRET"
LOGIN_HINT = "run `az login --tenant TENANT` again, or log in as a service principal"

STORAGE_ROLE = (
    "ask for the role Storage Blob Data Contributor on the storage account (`az ml workspace show` names it); "
    "a new role takes up to 10 minutes to work"
)


def _one(cause: str, hint: str) -> tuple[Diagnosis, ...]:
    return (Diagnosis(cause, hint),)


ACCESS: Causes = {
    # Microsoft Entra ID: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    "AADSTS700024": _one(
        "the assertion of the CI service had expired: it lives 5 to 10 minutes, and `az login` or a copied one cannot "
        "be renewed",
        "let gatelift ask for a new one each time: on GitHub leave azure/login out, set AZURE_CLIENT_ID and "
        "AZURE_TENANT_ID and give the job `permissions: id-token: write`; on Azure DevOps map SYSTEM_ACCESSTOKEN "
        "(examples/github-actions.yml, examples/azure-pipelines.yml); then run the command again: it continues where "
        "this one ended",
    ),
    **dict.fromkeys(
        ("AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213"),
        _one("no federated credential of the application matches the assertion", SUBJECT_HINT),
    ),
    "AADSTS7002138": _one(
        "the federated credential matches the assertion but for upper and lower case, which count", SUBJECT_HINT
    ),
    "AADSTS70025": _one(
        "the application has no federated credential at all",
        "make one with `az identity federated-credential create` (or `az ad app federated-credential create`), or "
        "correct AZURE_CLIENT_ID",
    ),
    "AADSTS700016": _one(
        "the tenant has no application with this client id",
        "correct AZURE_CLIENT_ID (the client id, not the object id) and AZURE_TENANT_ID",
    ),
    "AADSTS7000215": _one("the client secret is wrong, or its id was given instead of its value", RESET),
    "AADSTS7000222": _one("the client secret has expired", RESET),
    "AADSTS7000216": _one("neither a client secret nor an assertion was sent", RESET),
    **dict.fromkeys(
        ("AADSTS90002", "AADSTS900023", "AADSTS50059"),
        _one("the tenant does not exist in this cloud", TENANT_HINT),
    ),
    "AADSTS50034": _one("the user does not exist in this tenant", LOGIN_HINT),
    "AADSTS50076": _one("the tenant asks for multi-factor authentication", LOGIN_HINT),
    "AADSTS50079": _one("the tenant asks for multi-factor authentication, which is not set up yet", LOGIN_HINT),
    "AADSTS50173": _one("the password or the user's sessions have changed since the login", LOGIN_HINT),
    "AADSTS53003": _one(
        "a conditional access policy of the tenant forbids the login from here",
        "ask the tenant's administrator which policy it is; a service principal or another network may be allowed",
    ),
    "AADSTS70043": _one("the login is older than the tenant's sign-in frequency allows", LOGIN_HINT),
    "AADSTS700082": _one("the login was not used for too long and has expired", LOGIN_HINT),
    "AADSTS50013": _one(
        "the assertion is not signed with a key of its issuer, or is damaged",
        "ask the CI service for a new one: pass it on as it is, without a line break",
    ),
    "AADSTS50027": _one("what was sent as an assertion is not a JSON Web Token", "check AZURE_FEDERATED_TOKEN_FILE"),
    "AuthorizationFailed": (
        Diagnosis(
            "the signed-in principal may not build images in the workspace's registry",
            "ask for the role Container Registry Tasks Contributor on the registry that the message names, or name a "
            "ready image in environment.image",
            ("microsoft.containerregistry/registries/",),
        ),
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
    "KeyBasedAuthenticationNotPermitted": (
        Diagnosis(
            "the storage account of the workspace refuses account keys and what is signed with them, so a login must "
            "give access",
            STORAGE_ROLE,
        ),
    ),
    "AuthorizationFailure": (
        Diagnosis(
            "the storage account of the workspace does not let this machine in: its firewall, or a private endpoint",
            "run this from a network that the storage account allows, or ask for this machine's address or network in "
            "its firewall (`az storage account network-rule add`)",
        ),
    ),
    "AuthorizationPermissionMismatch": (
        Diagnosis("the signed-in principal has no role for the data of the workspace's storage account", STORAGE_ROLE),
    ),
    "SubscriptionNotRegistered": (
        Diagnosis(
            "a resource provider is not registered in the subscription",
            "run `az provider register --namespace Microsoft.MachineLearningServices`, and the same for "
            "Microsoft.PolicyInsights and Microsoft.Cdn",
        ),
    ),
}
