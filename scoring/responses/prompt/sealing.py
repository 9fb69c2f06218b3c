"""Texts that clients keep for us and cannot read: authenticated encryption with keys from SCORING_RESPONSES_KEY."""

import base64
import binascii
import hashlib
import secrets
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = "gl1."  # what was sealed here begins with it
NONCE = 12  # bytes, as AES-GCM has them
PURPOSE = b"gatelift responses, sealed text, 1"


class SealedTexts:
    """Seals with the first of its keys, and opens with all: a new key is put before the old one."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._ciphers = [_cipher(key) for key in keys]

    def seal(self, text: str) -> str:
        """Return a text that only holders of the key can read, and nobody else can make."""
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + self._ciphers[0].encrypt(nonce, text.encode(), PURPOSE)
        return MARK + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str) -> str | None:
        """Return what was sealed with one of the keys; None for anything else."""
        from cryptography.exceptions import InvalidTag

        if not sealed.startswith(MARK):
            return None
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(MARK))
        except (binascii.Error, ValueError):
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(raw[:NONCE], raw[NONCE:], PURPOSE).decode()
            except (InvalidTag, ValueError):
                continue
        return None


@cache
def sealed_texts(keys: tuple[str, ...]) -> SealedTexts | None:
    """Return what seals with these keys, None where there are none."""
    return SealedTexts(keys) if keys else None


def _cipher(key: str) -> "AESGCM":
    """Return a cipher for a key of any length; the package is slow to import, and needed with a key only."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hashlib.blake2b(PURPOSE, key=hashlib.sha512(key.encode()).digest(), digest_size=32).digest())
