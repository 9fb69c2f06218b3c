"""User delegation: keys that a principal gets for itself, and the signatures made with them (user delegation SAS).

https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas and …/get-user-delegation-key; the
fields that newer versions sign as in azure-storage-blob 12.31.1, _shared_access_signature.py.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from xml.etree import ElementTree

from msgspec import Struct

from infra.emulator.storage.documents import StorageError

LONGEST = timedelta(days=7)
KEY = ("skoid", "sktid", "skt", "ske", "sks", "skv")
DELEGATED_USER, REQUEST_BOUND = ("skdutid", "sduoid"), ("srh", "srq")
NOT_EMULATED = (*DELEGATED_USER, *REQUEST_BOUND, "saoid", "suoid", "scid", "sdd", "ses")
# From these versions of the service on, a signature covers more fields.
WITH_DELEGATED_USER, WITH_REQUEST, OLDEST = "2025-07-05", "2026-04-06", "2020-12-06"
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Place(Struct, frozen=True):
    """What a signature is for: the storage account's name, a container, and a blob, "" for the container itself."""

    account: str
    container: str
    blob: str = ""


class Delegated(Struct, frozen=True):
    """What a good signature gives: some permissions, as far as the owner of its key has them."""

    permissions: str
    owner: str


class UserDelegation:
    """Derives the keys from a secret, so that none is stored; `now` is the storage service's time in seconds."""

    def __init__(self, secret: bytes, now: Callable[[], float]) -> None:
        self._secret = secret
        self._now = now

    def key(self, account: str, owner: tuple[str, str], body: bytes, version: str) -> dict[str, str]:
        """A key for the `owner` (object id, tenant id), valid as the body asks; its value is in base64."""
        start, expiry = self._validity(body)
        fields = dict(zip(KEY, (*owner, start, expiry, "b", version), strict=True))
        value = base64.b64encode(self._value(account, fields)).decode()
        names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion", "Value")
        return dict(zip(names, (*fields.values(), value), strict=True))

    def sas(self, place: Place, owner: tuple[str, str], permissions: str, version: str) -> dict[str, str]:
        """The fields of a signature that opens a container for an hour on behalf of the `owner`."""
        now = datetime.fromtimestamp(self._now(), UTC)
        expiry = (now + timedelta(hours=1)).strftime(TIME)
        key = dict(zip(KEY, (*owner, now.strftime(TIME), expiry, "b", version), strict=True))
        fields = {"sp": permissions, "se": expiry, "spr": "https", "sv": version, "sr": "c", **key}
        return fields | {"sig": self._signature(place, fields)}

    def check(self, place: Place, fields: Mapping[str, str], client: str) -> Delegated:
        """What a signature gives at a place; `StorageError` for one that is forged, out of its time or of elsewhere."""
        for name in NOT_EMULATED:
            if fields.get(name):
                raise StorageError(501, "NotImplemented", f"The emulator does not know the field {name} of signatures.")
        resource = fields.get("sr")
        signed = {"c": Place(place.account, place.container), "b": place}.get(resource or "")
        good = (
            signed is not None
            and fields.get("sv", "") >= OLDEST
            and all(fields.get(name) for name in (*KEY, "sp", "se"))
            and hmac.compare_digest(self._signature(signed, fields), fields.get("sig", ""))
        )
        if not good or not self._in_time(fields):
            raise StorageError(403, "AuthenticationFailed")
        if fields.get("sip") and not _from(client, fields["sip"]):
            raise StorageError(403, "AuthorizationSourceIPMismatch")
        return Delegated(fields["sp"], fields["skoid"])

    def _validity(self, body: bytes) -> tuple[str, str]:
        if b"<!" in body:  # no document type: it could define entities
            raise StorageError(400, "InvalidXmlDocument")
        try:
            info = ElementTree.fromstring(body)  # noqa: S314  checked above
        except ElementTree.ParseError:
            raise StorageError(400, "InvalidXmlDocument") from None
        now = datetime.fromtimestamp(self._now(), UTC)
        start, expiry = info.findtext("Start") or now.strftime(TIME), info.findtext("Expiry") or ""
        opens, closes = _moment(start), _moment(expiry)
        if opens is None or opens > now + LONGEST:
            raise StorageError(400, "InvalidXmlNodeValue", node=start)
        if closes is None or not max(now, opens) < closes <= now + LONGEST:
            raise StorageError(400, "InvalidXmlNodeValue", node=expiry)
        return start, expiry

    def _in_time(self, fields: Mapping[str, str]) -> bool:
        now = datetime.fromtimestamp(self._now(), UTC)
        starts = [_moment(fields[name]) for name in ("st", "skt") if fields.get(name)]
        ends = [_moment(fields[name]) for name in ("se", "ske")]
        return all(start and start <= now for start in starts) and all(end and now < end for end in ends)

    def _value(self, account: str, fields: Mapping[str, str]) -> bytes:
        text = "\n".join([account, *(fields[name] for name in KEY)])
        return hmac.digest(self._secret, text.encode(), "sha256")

    def _signature(self, place: Place, fields: Mapping[str, str]) -> str:
        version = fields["sv"]
        resource = "/".join(part for part in (f"/blob/{place.account}", place.container, place.blob) if part)
        names = ["sp", "st", "se", "", *KEY, "saoid", "suoid", "scid"]
        names += DELEGATED_USER if version >= WITH_DELEGATED_USER else ()
        names += ["sip", "spr", "sv", "sr", "snapshot", "ses"]
        names += REQUEST_BOUND if version >= WITH_REQUEST else ()
        names += ["rscc", "rscd", "rsce", "rscl", "rsct"]
        text = "\n".join(fields.get(name, "") if name else resource for name in names)
        return base64.b64encode(hmac.digest(self._value(place.account, fields), text.encode(), "sha256")).decode()


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _from(client: str, allowed: str) -> bool:
    """Whether the client's address is the allowed one, or in the allowed range `FIRST-LAST`."""
    first, _, last = allowed.partition("-")
    try:
        return int(ip_address(first)) <= int(ip_address(client)) <= int(ip_address(last or first))
    except ValueError:
        return False
