"""Causes of errors about secrets and connections."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

SECRETS: Causes = {
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
    "KeyError": (
        Diagnosis(
            "in a container's log: a gated registry model looked for the token and found none",
            "write the token to HuggingFaceTokenConnection with `gatelift token set`; the endpoint needs "
            "`enforce_access_to_default_secret_stores: enabled`",
        ),
    ),
}
