"""TLS for loopback: a throw-away CA and a certificate of its making, so that real Azure clients accept the emulator."""

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.emulator.store import Store

CA = "ca.pem"
LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)


def server_context(store: Store, ca_bundle: Path) -> ssl.SSLContext:
    """The server's TLS context; writes the public roots plus our CA to `ca_bundle`."""
    kept = store.record("tls", "current")
    if kept is None or datetime.fromisoformat(kept["expires"]) - datetime.now(UTC) < RENEW_BEFORE:
        kept = make_certificates()
        store.put_record("tls", "current", kept)
    ca_bundle.with_name(CA).write_text(kept["ca"])  # for clients that meet nobody else: the roots take long to read
    bundle = f"{Path(certifi.where()).read_text()}\n# gatelift emulator\n{kept['ca']}"
    if not ca_bundle.exists() or ca_bundle.read_text() != bundle:
        ca_bundle.write_text(bundle)
    return _load(kept["leaf"] + kept["leaf_key"])


def make_certificates() -> dict[str, Any]:
    """A CA whose key is forgotten at once, and a leaf for 127.0.0.1 and localhost, all PEM."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gatelift emulator CA")])
    ca = (
        _certificate(issuer, issuer, ca_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        _certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), issuer, leaf_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]),
            critical=False,
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return {
        "ca": ca.public_bytes(serialization.Encoding.PEM).decode(),
        "leaf": leaf.public_bytes(serialization.Encoding.PEM).decode(),
        "leaf_key": leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "expires": (now + LIFETIME).isoformat(),
    }


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


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
