"""The storage service over HTTP: the operations that azure-storage-blob uses.

Path style: `/blobstore/ACCOUNT…/CONTAINER/BLOB`. Errors and headers as in
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from infra.emulator.identity.authorization import Authorization
from infra.emulator.identity.tokens import Principal, TokenIssuer, TokenRejected
from infra.emulator.state.settings import Settings
from infra.emulator.storage.blobs import Blobs
from infra.emulator.storage.documents import StorageError, error_answer, listing, xml_answer
from infra.emulator.storage.headers import byte_range, digest, sent_properties, version_headers
from infra.emulator.storage.shared_access import SAS_VERSION
from infra.emulator.storage.user_delegation import Place
from infra.emulator.storage.writing import Writing

PIECE = 1 << 20
STORAGE_AUDIENCES = ("https://storage.azure.com",)
ACCOUNTS = "/providers/microsoft.storage/storageaccounts/"
KEY_ACTION = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
BLOB_ACTIONS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


class BlobRoutes:
    """ASGI application of the storage service."""

    def __init__(self, blobs: Blobs, tokens: TokenIssuer, authorization: Authorization, settings: Settings) -> None:
        self._blobs = blobs
        self._writing = Writing(blobs)
        self._settings = settings
        self._tokens = tokens
        self._authorization = authorization

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._serve(request)
        except StorageError as error:
            response = error_answer(error, head=request.method == "HEAD")
        except ClientDisconnect:  # in the middle of what it sent, of which nothing is kept
            return
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        response.headers["x-ms-version"] = SAS_VERSION
        await response(scope, receive, send)

    async def _serve(self, request: Request) -> Response:
        version = request.headers.get("x-ms-version", SAS_VERSION)
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", version):
            raise StorageError(400, "InvalidHeaderValue")
        # The decoded path, since `#` and `?` in a name would end a URL that is made of it.
        # /blobstore/ACCOUNT.blob…/CONTAINER[/BLOB]
        _, _, _, container, name = [*request.scope["path"].split("/", 4), "", ""][:5]
        if request.query_params.get("restype") == "service":
            return await self._on_service(request, version)
        kept = self._blobs.container(container)
        name = request.path_params.get("blob", name)
        self._authorize(request, container, name, (kept or {}).get("account_id", ""))
        if not kept:
            raise StorageError(404, "ContainerNotFound")
        operation = request.query_params.get("comp", "")
        if not name:
            return self._on_container(request, container, operation)
        handler = {
            ("PUT", ""): self._put,
            ("PUT", "block"): self._put_block,
            ("PUT", "blocklist"): self._put_block_list,
            ("PUT", "metadata"): self._put_metadata,
            ("PUT", "lease"): self._put_lease,
        }.get((request.method, operation))
        if handler:
            return await handler(request, container, name)
        if request.method in ("GET", "HEAD") and operation in ("", "metadata"):
            return self._get(request, container, name, with_content=not operation)
        if request.method == "GET" and operation == "blocklist":
            return self._writing.block_list(request, container, name)
        if request.method == "DELETE" and not operation:
            self._check_lease(request, container, name)
            if not self._blobs.delete(container, name):
                raise StorageError(404, "BlobNotFound")
            return Response(status_code=202)
        raise _unknown(request, operation or "blob")

    async def _on_service(self, request: Request, version: str) -> Response:
        operation = request.query_params.get("comp", "")
        if (request.method, operation) != ("POST", "userdelegationkey"):
            raise _unknown(request, operation or "service")
        principal = self._principal(request)
        account = request.scope["path"].split("/")[2].partition(".")[0]
        if not self._authorization.allowed(principal.object_id, KEY_ACTION, self._blobs.account(account)):
            raise StorageError(403, "AuthorizationPermissionMismatch")
        owner = principal.object_id, self._tokens.tenant_id
        key = self._blobs.delegation.key(account, owner, await request.body(), version)
        fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in key.items())
        return xml_answer(f"<UserDelegationKey>{fields}</UserDelegationKey>")

    def _authorize(self, request: Request, container: str, name: str, account_id: str) -> None:
        permission = _permission(request)
        if "skoid" in request.query_params:
            place = Place(account_id.rpartition("/")[2], container, name)
            client = request.client.host if request.client else ""
            delegated = self._blobs.delegation.check(place, request.query_params, client)
            if not set(permission) & set(delegated.permissions):
                raise StorageError(403, "AuthorizationPermissionMismatch")
            self._check_role(delegated.owner, permission, account_id)
            return
        if "sig" in request.query_params:
            # Container registries keep the sources of builds in storage of their own, which no subscription sees.
            if ACCOUNTS in account_id.lower() and not self._settings["storage_shared_keys"]:
                raise StorageError(403, "KeyBasedAuthenticationNotPermitted")
            granted = self._blobs.shared_access.permissions(container, request.url.query)
            if granted is None:
                raise StorageError(403, "AuthenticationFailed")
            if not set(permission) & set(granted):
                raise StorageError(403, "AuthorizationPermissionMismatch")
            return
        principal = self._principal(request)
        if account_id:
            self._check_role(principal.object_id, permission, account_id)

    def _principal(self, request: Request) -> Principal:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise StorageError(409, "PublicAccessNotPermitted")
        try:
            return self._tokens.verify(token, STORAGE_AUDIENCES)
        except TokenRejected:
            raise StorageError(401, "AuthenticationFailed") from None

    def _check_role(self, object_id: str, permission: str, account_id: str) -> None:
        action = f"{BLOB_ACTIONS}/{'read' if permission in ('r', 'l') else 'write'}"
        if not self._authorization.allowed(object_id, action, account_id, data=True):
            raise StorageError(403, "AuthorizationPermissionMismatch")

    def _on_container(self, request: Request, container: str, operation: str) -> Response:
        if request.method == "GET" and operation == "list":
            found = self._blobs.names(container, request.query_params.get("prefix", ""))
            return listing(request, container, found, max(1, int(self._settings["list_page_size"])))
        if request.method in ("GET", "HEAD") and not operation:
            return Response(headers={"x-ms-lease-state": "available", "x-ms-has-immutability-policy": "false"})
        if request.method == "PUT" and not operation:
            raise StorageError(409, "ContainerAlreadyExists", "The specified container already exists.")
        raise _unknown(request, operation or "container")

    async def _put(self, request: Request, container: str, name: str) -> Response:
        if "x-ms-copy-source" in request.headers and "x-ms-blob-type" not in request.headers:
            raise _unknown(request, "copy")
        self._check_conditions(request, container, name, writing=True)
        return await self._writing.put(request, container, name)

    async def _put_block(self, request: Request, container: str, name: str) -> Response:
        self._check_lease(request, container, name)
        return await self._writing.put_block(request, container, name)

    async def _put_block_list(self, request: Request, container: str, name: str) -> Response:
        self._check_conditions(request, container, name, writing=True)
        return await self._writing.put_block_list(request, container, name)

    async def _put_metadata(self, request: Request, container: str, name: str) -> Response:
        self._check_lease(request, container, name)
        kept = self._blobs.set_metadata(container, name, sent_properties(request)["metadata"])
        if kept is None:
            raise StorageError(404, "BlobNotFound")
        return Response(headers=version_headers(kept))

    async def _put_lease(self, request: Request, container: str, name: str) -> Response:
        kept = self._blobs.get(container, name)
        if kept is None:
            raise StorageError(404, "BlobNotFound")
        status, lease, headers = self._blobs.leases.act(kept.get("lease"), request.headers)
        self._blobs.set_lease(container, name, lease)
        return Response(status_code=status, headers={**headers, **version_headers(kept)})

    def _get(self, request: Request, container: str, name: str, *, with_content: bool) -> Response:
        kept = self._blobs.get(container, name)
        if kept is None:
            raise StorageError(404, "BlobNotFound")
        self._check_conditions(request, container, name, writing=False)
        self._blobs.leases.check_read(kept.get("lease"), request.headers.get("x-ms-lease-id"))
        headers = {
            "etag": kept["etag"],
            "last-modified": kept["modified"],
            "accept-ranges": "bytes",
            "x-ms-blob-type": "BlockBlob",
            "x-ms-creation-time": kept["modified"],
            "x-ms-server-encrypted": "true",
            **self._blobs.leases.shown(kept.get("lease")),
            **{f"x-ms-meta-{key}": value for key, value in kept["metadata"].items()},
        }
        if not with_content:
            return Response(headers=headers)
        size = kept["size"]
        first, last = byte_range(request.headers.get("x-ms-range") or request.headers.get("range") or "", size)
        whole = (first, last) == (0, size - 1)
        if "x-ms-range" in request.headers or "range" in request.headers:
            headers["content-range"] = f"bytes {first}-{last}/{size}"
            whole = False
        headers["content-type"] = kept["content_type"]
        if request.method == "HEAD":
            return Response(headers=headers | {"content-length": str(size)} | digest(kept))
        path = self._blobs.content(container, name)
        if whole or not size:
            return FileResponse(path, headers=headers | digest(kept))
        headers["content-length"] = str(last - first + 1)
        return StreamingResponse(_read(path, first, last - first + 1), status_code=206, headers=headers)

    def _check_lease(self, request: Request, container: str, name: str) -> None:
        if kept := self._blobs.get(container, name):
            self._blobs.leases.check_write(kept.get("lease"), request.headers.get("x-ms-lease-id"))

    def _check_conditions(self, request: Request, container: str, name: str, *, writing: bool) -> None:
        if writing:
            self._check_lease(request, container, name)
        kept = self._blobs.get(container, name)
        unless = request.headers.get("if-none-match")
        if unless and kept and (unless == "*" or unless == kept["etag"]):
            if not writing:
                raise StorageError(304, "ConditionNotMet")
            raise StorageError(*(((409, "BlobAlreadyExists")) if unless == "*" else (412, "ConditionNotMet")))
        only = request.headers.get("if-match")
        if only and (kept is None or only not in ("*", kept["etag"])):
            raise StorageError(412, "ConditionNotMet")


def _read(path: Path, start: int, left: int) -> Iterator[bytes]:
    """A part of a file in pieces."""
    with path.open("rb") as file:
        file.seek(start)
        while left and (data := file.read(min(left, PIECE))):
            left -= len(data)
            yield data


def _permission(request: Request) -> str:
    """The permissions of a signature of which this request needs any one."""
    if request.query_params.get("comp") == "list":
        return "l"
    return {"GET": "r", "HEAD": "r", "DELETE": "d"}.get(request.method, "wc")


def _unknown(request: Request, operation: str) -> StorageError:
    return StorageError(
        501, "NotImplemented", f"The emulator does not know the storage operation '{request.method} {operation}'."
    )
