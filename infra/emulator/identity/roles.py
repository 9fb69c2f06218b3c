"""Azure's built-in roles that matter to a machine learning workspace.

Identifiers and permissions: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from dataclasses import dataclass

ML = "Microsoft.MachineLearningServices"


@dataclass(frozen=True)
class Permissions:
    """What a role allows: patterns of actions, `*` for anything."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuiltInRole:
    """A role that every subscription has."""

    guid: str
    name: str
    description: str
    permissions: Permissions


OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONNECTION_SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
METRICS_WRITER = "635dd51f-9968-44d3-b7fb-6d9a6bd613ae"
BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices"

BUILT_IN = {
    role.guid: role
    for role in (
        BuiltInRole(
            OWNER,
            "Owner",
            "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
            Permissions(actions=("*",)),
        ),
        BuiltInRole(
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
            "Contributor",
            "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC.",
            Permissions(
                actions=("*",),
                not_actions=(
                    "Microsoft.Authorization/*/Delete",
                    "Microsoft.Authorization/*/Write",
                    "Microsoft.Authorization/elevateAccess/Action",
                ),
            ),
        ),
        BuiltInRole(
            "acdd72a7-3385-48ef-bd42-f606fba81ae7",
            "Reader",
            "View all resources, but does not allow you to make any changes.",
            Permissions(actions=("*/read",)),
        ),
        BuiltInRole(
            "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
            "User Access Administrator",
            "Lets you manage user access to Azure resources.",
            Permissions(actions=("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*")),
        ),
        BuiltInRole(
            "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
            "Role Based Access Control Administrator",
            "Manage access to Azure resources by assigning roles using Azure RBAC.",
            Permissions(
                actions=(
                    "Microsoft.Authorization/roleAssignments/write",
                    "Microsoft.Authorization/roleAssignments/delete",
                    "*/read",
                    "Microsoft.Support/*",
                )
            ),
        ),
        BuiltInRole(
            "f6c7c914-8db3-469d-8ca1-694a8f32e121",
            "AzureML Data Scientist",
            "Can perform all actions within an Azure Machine Learning workspace, except for creating or deleting "
            "compute resources and modifying the workspace itself.",
            Permissions(
                actions=tuple(f"{ML}/workspaces/*/{verb}" for verb in ("read", "action", "delete", "write")),
                not_actions=(
                    f"{ML}/workspaces/delete",
                    f"{ML}/workspaces/write",
                    f"{ML}/workspaces/computes/*/write",
                    f"{ML}/workspaces/computes/*/delete",
                    f"{ML}/workspaces/computes/listKeys/action",
                    f"{ML}/workspaces/listKeys/action",
                ),
            ),
        ),
        BuiltInRole(
            "1823dd4f-9b8c-4ab6-ab4e-7397a3684615",
            "AzureML Registry User",
            "Can perform all actions on Machine Learning Services Registry assets as well as get Registry resources.",
            Permissions(actions=(f"{ML}/registries/read", f"{ML}/registries/assets/*")),
        ),
        BuiltInRole(
            CONNECTION_SECRETS_READER,
            "Azure Machine Learning Workspace Connection Secrets Reader",
            "Can list workspace connection secrets.",
            Permissions(
                actions=(
                    f"{ML}/workspaces/connections/listsecrets/action",
                    f"{ML}/workspaces/metadata/secrets/read",
                )
            ),
        ),
        BuiltInRole(
            METRICS_WRITER,
            "AzureML Metrics Writer (preview)",
            "Lets you write metrics to AzureML workspace.",
            Permissions(actions=(f"{ML}/workspaces/metrics/*/write",)),
        ),
        BuiltInRole(
            "7f951dda-4ed3-4680-a7ca-43fe172d538d",
            "AcrPull",
            "Pull artifacts from a container registry.",
            Permissions(actions=("Microsoft.ContainerRegistry/registries/pull/read",)),
        ),
        BuiltInRole(
            BLOB_DATA_READER,
            "Storage Blob Data Reader",
            "Read and list Azure Storage containers and blobs.",
            Permissions(
                actions=(f"{_BLOBS}/containers/read", f"{_BLOBS}/generateUserDelegationKey/action"),
                data_actions=(f"{_BLOBS}/containers/blobs/read",),
            ),
        ),
        BuiltInRole(
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            "Storage Blob Data Contributor",
            "Read, write, and delete Azure Storage containers and blobs.",
            Permissions(
                actions=(f"{_BLOBS}/containers/*", f"{_BLOBS}/generateUserDelegationKey/action"),
                data_actions=(f"{_BLOBS}/containers/blobs/*",),
            ),
        ),
        BuiltInRole(
            "4633458b-17de-408a-b874-0445c86b69e6",
            "Key Vault Secrets User",
            "Read secret contents.",
            Permissions(
                data_actions=(
                    "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                    "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
                )
            ),
        ),
        BuiltInRole(
            "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
            "Key Vault Secrets Officer",
            "Perform any action on the secrets of a key vault, except manage permissions.",
            Permissions(
                actions=("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/operations/read"),
                data_actions=("Microsoft.KeyVault/vaults/secrets/*",),
            ),
        ),
        BuiltInRole(
            "f1a07417-d97a-45cb-824c-7a7467783830",
            "Managed Identity Operator",
            "Read and Assign User Assigned Identity.",
            Permissions(
                actions=(
                    "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
                    "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
                    "Microsoft.Resources/subscriptions/resourceGroups/read",
                )
            ),
        ),
        BuiltInRole(
            "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
            "Managed Identity Contributor",
            "Create, Read, Update, and Delete User Assigned Identity.",
            Permissions(
                actions=(
                    "Microsoft.ManagedIdentity/userAssignedIdentities/*",
                    "Microsoft.Resources/subscriptions/resourceGroups/read",
                )
            ),
        ),
    )
}
