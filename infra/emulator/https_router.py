"""The services behind the HTTPS port, told apart by path: Resource Manager, Entra ID, storage, Key Vault, discovery."""

from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.emulator.arm.app import ArmApp
from infra.emulator.arm.registries import discovery
from infra.emulator.gateway.messages import Reply, respond
from infra.emulator.identity.entra import EntraRoutes
from infra.emulator.identity.runners import RUNNERS
from infra.emulator.key_vault import VAULTS
from infra.emulator.world import World

DISCOVERY = "/registrymanagement/v1.0/registries/"


class HttpsRouter:
    """ASGI application of the HTTPS port."""

    def __init__(self, world: World, arm: ArmApp, entra: EntraRoutes, blobs: ASGIApp, vaults: ASGIApp) -> None:
        self._world = world
        self._arm = arm
        self._entra = entra
        self._blobs = blobs
        self._vaults = vaults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/subscriptions"):
            await self._arm(scope, receive, send)
        elif path.startswith("/blobstore/"):
            await self._blobs(scope, receive, send)
        elif path.startswith(VAULTS):
            await self._vaults(scope, receive, send)
        elif EntraRoutes.serves(path):
            await self._entra(scope, receive, send)
        elif path.startswith(RUNNERS):
            await self._world.runners(scope, receive, send)
        elif path.startswith(DISCOVERY):
            await respond(send, self._discovery(path), {})
        elif path.startswith("/metadata/endpoints"):
            await respond(send, Reply(body=self._metadata(scope)), {})
        else:
            await self._arm(scope, receive, send)

    def _discovery(self, path: str) -> Reply:
        name = path[len(DISCOVERY) :].split("/")[0]
        found = discovery(self._world, name)
        if found is None:
            message = f"Registry with name {name} was not found."
            return Reply(404, {"error": {"code": "UserError", "message": message}})
        return Reply(body=found)

    def _metadata(self, scope: Scope) -> object:
        """The cloud's metadata: this cloud alone, but a list of clouds for the api-versions from 2018 to 2022-06."""
        url = self._world.urls.resource_manager
        version = dict(parse_qsl(scope["query_string"].decode())).get("api-version", "")
        if version.startswith("2015"):
            return {
                "galleryEndpoint": url,
                "graphEndpoint": url,
                "portalEndpoint": self._world.urls.portal,
                "authentication": {"loginEndpoint": url, "audiences": [url]},
            }
        cloud = {
            "name": "GateliftEmulator",
            # The SDK derives the scope of scoring tokens from the portal's domain.
            "portal": "https://portal.azure.com",
            "resourceManager": url,
            "authentication": {
                "loginEndpoint": url,
                "audiences": [url, "https://management.azure.com/", "https://management.core.windows.net/"],
                "tenant": self._world.tokens.tenant_id,
                "identityProvider": "AAD",
            },
            "graph": url,
            "graphAudience": "https://graph.microsoft.com/",
            "microsoftGraphResourceId": "https://graph.microsoft.com/",
            "suffixes": {
                "storage": "core.windows.net",
                "keyVaultDns": "vault.azure.net",
                "acrLoginServer": "azurecr.io",
            },
        }
        return [cloud] if "2018" <= version < "2022-09-01" else cloud
