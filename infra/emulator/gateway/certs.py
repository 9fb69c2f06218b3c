"""TLS for loopback: a CA of this emulator's own and its server certificate, which real Azure clients accept."""

import os
import ssl
from pathlib import Path
from typing import Any

import certifi

from infra.emulator.state.store import Store

CA = "ca.pem"
NAMES = ("127.0.0.1", "localhost", "::1")


def server_context(store: Store, ca_bundle: Path) -> ssl.SSLContext:
    """The server's TLS context; writes the public root certificates and the emulator's CA to `ca_bundle`."""
    kept = store.record("certificates", "current")
    if kept is None or kept.get("names") != list(NAMES):
        kept = make_certificates()
        store.put_record("certificates", "current", kept)
        store.delete_record("tls", "current")  # of an earlier version
    ca_bundle.with_name(CA).write_text(kept["ca"])  # for clients that need no other: reading all the roots takes long
    bundle = f"{Path(certifi.where()).read_text()}\n# gatelift emulator\n{kept['ca']}"
    if not ca_bundle.exists() or ca_bundle.read_text() != bundle:
        ca_bundle.write_text(bundle)
    return _load(kept["server"])


def make_certificates() -> dict[str, Any]:
    """PEM of a CA and of a server certificate with its key; the CA's own key is not kept."""
    import trustme  # needed at the first start of a state folder only

    ca = trustme.CA(organization_name="gatelift emulator", path_length=0)
    server = ca.issue_cert(*NAMES, common_name=NAMES[0])
    pem = server.private_key_and_cert_chain_pem.bytes().decode()
    return {"ca": ca.cert_pem.bytes().decode(), "server": pem, "names": list(NAMES)}


def _load(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # `load_cert_chain` wants a file: one in memory keeps the key off the disk.
    descriptor = os.memfd_create("gatelift-tls", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem.encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context
