"""The XML documents of the storage service: listings and errors."""

from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

MESSAGES = {
    "AuthenticationFailed": "Server failed to authenticate the request. Make sure the value of Authorization header is "
    "formed correctly including the signature.",
    "AuthorizationSourceIPMismatch": "This request is not authorized to perform this operation using this source IP.",
    "AuthorizationPermissionMismatch": "This request is not authorized to perform this operation using this "
    "permission.",
    "BlobAlreadyExists": "The specified blob already exists.",
    "BlockCountExceedsLimit": "The committed block count cannot exceed the maximum limit of 50,000 blocks, the "
    "uncommitted block count that of 100,000.",
    "BlockListTooLong": "The block list may not contain more than 50,000 blocks.",
    "BlobNotFound": "The specified blob does not exist.",
    "ConditionNotMet": "The condition specified using HTTP conditional header(s) is not met.",
    "ContainerNotFound": "The specified container does not exist.",
    "InvalidBlobOrBlock": "The specified blob or block content is invalid.",
    "InvalidBlobType": "The blob type is invalid for this operation.",
    "InvalidBlockList": "The specified block list is invalid.",
    "InvalidHeaderValue": "The value for one of the HTTP headers is not in the correct format.",
    "InvalidQueryParameterValue": "Value for one of the query parameters specified in the request URI is invalid.",
    "InvalidRange": "The range specified is invalid for the current size of the resource.",
    "InvalidXmlDocument": "XML specified is not syntactically valid.",
    "InvalidXmlNodeValue": "The value for one of the XML nodes is not in the correct format.",
    "LeaseAlreadyPresent": "There is already a lease present.",
    "LeaseIdMismatchWithBlobOperation": "The lease ID specified did not match the lease ID for the blob.",
    "LeaseIdMismatchWithLeaseOperation": "The lease ID specified did not match the lease ID for the blob.",
    "LeaseIdMissing": "There is currently a lease on the blob and no lease ID was specified in the request.",
    "LeaseIsBreakingAndCannotBeAcquired": "The lease ID matched, but the lease is currently in breaking state and "
    "cannot be acquired until it is broken.",
    "LeaseIsBreakingAndCannotBeChanged": "The lease ID matched, but the lease is currently in breaking state and "
    "cannot be changed.",
    "LeaseIsBrokenAndCannotBeRenewed": "The lease ID matched, but the lease has been broken explicitly and cannot be "
    "renewed.",
    "LeaseLost": "A lease ID was specified, but the lease for the blob has expired.",
    "LeaseNotPresentWithBlobOperation": "There is currently no lease on the blob.",
    "LeaseNotPresentWithLeaseOperation": "There is currently no lease on the blob.",
    "KeyBasedAuthenticationNotPermitted": "Key based authentication is not permitted on this storage account.",
    "Md5Mismatch": "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
    "OutOfRangeQueryParameterValue": "One of the query parameters specified in the request URI is outside the "
    "permissible range.",
    "PublicAccessNotPermitted": "Public access is not permitted on this storage account.",
    "RequestBodyTooLarge": "The request body is too large and exceeds the maximum permissible limit.",
    "SourceConditionNotMet": "The source condition specified using HTTP conditional header(s) is not met.",
}


class StorageError(Exception):
    """An error answer of the storage service."""

    def __init__(self, status: int, code: str, message: str = "", node: str = "") -> None:
        super().__init__(code)
        self.node = node
        self.status = status
        self.code = code
        self.message = message or MESSAGES[code]
        self.source_status = 0
        """What the source of a copy answered, where that was an error."""


def listing(request: Request, container: str, found: dict[str, dict[str, object]], largest: int) -> Response:
    """The blobs of a container, a page at a time, with `largest` on a page at most."""
    names = [name for name in found if name > request.query_params.get("marker", "")]
    asked = request.query_params.get("maxresults", "5000")
    if not asked.isdecimal() or not 0 < int(asked) <= 5000:
        raise StorageError(400, "OutOfRangeQueryParameterValue")
    limit = min(int(asked), largest)
    page, rest = names[:limit], names[limit:]
    prefix, delimiter = request.query_params.get("prefix", ""), request.query_params.get("delimiter", "")
    entries: dict[str, str] = {}
    for name in page:
        head, separator, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if separator:
            folder = f"{prefix}{head}{delimiter}"
            entries[folder] = f"<BlobPrefix><Name>{escape(folder)}</Name></BlobPrefix>"
        else:
            entries[name] = _entry(
                name, found[name], with_metadata="metadata" in request.query_params.get("include", "")
            )
    marker = escape(page[-1]) if rest else ""
    return xml_answer(
        f'<EnumerationResults ContainerName="{escape(container)}"><Prefix>{escape(prefix)}</Prefix>'
        f"<Blobs>{''.join(entries.values())}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    )


def _entry(name: str, kept: dict[str, object], *, with_metadata: bool) -> str:
    metadata = kept["metadata"]
    pairs = metadata.items() if with_metadata and isinstance(metadata, dict) else ()
    digest = f"<Content-MD5>{kept['md5']}</Content-MD5>" if kept["md5"] else ""
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties><Creation-Time>{kept['modified']}</Creation-Time>"
        f"<Last-Modified>{kept['modified']}</Last-Modified><Etag>{escape(str(kept['etag']))}</Etag>"
        f"<Content-Length>{kept['size']}</Content-Length><Content-Type>{escape(str(kept['content_type']))}</Content-Type>"
        f"{digest}<BlobType>BlockBlob</BlobType></Properties><Metadata>"
        + "".join(f"<{key}>{escape(value)}</{key}>" for key, value in pairs)
        + "</Metadata></Blob>"
    )


def xml_answer(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in XML."""
    body = f'<?xml version="1.0" encoding="utf-8"?>{text}'
    return Response(body, status_code=status, headers=headers, media_type="application/xml")


def error_answer(error: StorageError, *, head: bool) -> Response:
    """The answer for an error, without a body where HTTP allows none."""
    headers = {"x-ms-error-code": error.code}
    if error.source_status:
        headers["x-ms-copy-source-status-code"] = str(error.source_status)
    if head or error.status == 304:
        return Response(status_code=error.status, headers=headers)
    node = escape(error.node)  # Azure names the node by its value, too
    more = f"<XmlNodeName>{node}</XmlNodeName><XmlNodeValue>{node}</XmlNodeValue>" if node else ""
    if error.source_status:
        more += f"<CopySourceStatusCode>{error.source_status}</CopySourceStatusCode>"
        more += f"<CopySourceErrorMessage>{escape(error.message)}</CopySourceErrorMessage>"
    text = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>{more}</Error>"
    return xml_answer(text, error.status, headers)
